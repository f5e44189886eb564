"""Our partitioner and those of every other client put a key into the same partition."""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as reference
from hypothesis import given
from hypothesis import strategies as st

from synckit.partitions import choose_partition, choose_partitions, murmur2, murmur2_of_each


@given(st.binary(max_size=80))
def test_the_hash_is_that_of_the_library(data: bytes) -> None:
    assert murmur2(data) == reference(data)


@given(st.integers(0, 40).flatmap(lambda size: st.lists(st.binary(min_size=size, max_size=size), min_size=1)))
def test_keys_that_are_hashed_together_have_the_hashes_of_each(keys: list[bytes]) -> None:
    assert list(murmur2_of_each(keys)) == [reference(key) for key in keys]


@given(st.lists(st.binary(max_size=6)), st.integers(1, 50))
def test_keys_lie_together_where_each_would_lie(keys: list[bytes], count: int) -> None:
    partitions = list(range(count))

    assert choose_partitions(keys, partitions) == [choose_partition(key, partitions) for key in keys]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_that_of_the_java_client(key: bytes, expected: int) -> None:
    """Values of `UtilsTest.testMurmur2` in Apache Kafka."""
    assert murmur2(key) == expected & 0xFFFFFFFF


@given(st.binary(max_size=40), st.integers(1, 50))
def test_a_key_lies_where_the_library_would_put_it(key: bytes, count: int) -> None:
    partitions = list(range(count))

    assert choose_partition(key, partitions, partitions) == DefaultPartitioner()(key, partitions, partitions)


def test_without_a_key_any_available_partition_is_taken() -> None:
    assert {choose_partition(None, [0, 1, 2], [1, 2]) for _ in range(200)} == {1, 2}
    assert choose_partition(None, [0], []) == 0
