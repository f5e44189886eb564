"""What `paintbox bench` posts and preloads."""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from paintbox.bench import arrivals, bodies
from paintbox.bench.changes import Organization
from paintbox.bench.load import generation
from paintbox.bench.load.generation import Loaded
from paintbox.bench.outcomes import CPU, RATE, RSS
from paintbox.bench.subjects import plain_relay
from paintbox.bench.workloads import outbox
from webhook_ingest.models import Outgoing

NOW: Final = int(time.time() * 1000)
SECRETS: Final = {
    "PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS": "companycam-token-of-thirty-two-bytes",
    "PAINTBOX_SALESFORCE_ENDPOINT_TOKENS": "salesforce-token-of-thirty-two-bytes",
}


def test_requests_are_kept_as_both_generators_read_them(tmp_path: Path) -> None:
    requests = bodies.mixed(SECRETS, 4, NOW)

    assert generation.read(generation.write(requests, tmp_path / "requests")) == requests


def test_the_rates_of_loads_at_once_are_added_and_have_no_percentiles_together() -> None:
    one = Loaded(requests=1_000, seconds=2.0, errors=0, p50_ms=5.0, p99_ms=9.0, max_ms=10.0)
    other = replace(one, requests=3_000, seconds=3.0)

    both = generation.together([one, other], 1.2, 70_000_000).measures

    assert both == {RATE: pytest.approx(1_500), CPU: pytest.approx(300), RSS: 70.0}
    assert generation.together([one], 0.3, 70_000_000) == one.run(0.3, 70_000_000)
    assert generation.together([replace(one, requests=0)] * 2, 0.0, 70_000_000).measures[RATE] == 0


def test_a_body_has_about_a_kilobyte_and_is_understood_by_its_door() -> None:
    sent = [bodies.body_of(each) for each in bodies.mixed(SECRETS, 4, NOW)]

    assert all(900 < len(body) < 1_300 for body in sent)
    assert [len(arrivals.of_body(body, NOW)) for body in sent] == [1, 1, 1, 1]
    assert len({one.headers.id for body in sent for one in arrivals.of_body(body, NOW)}) == 4


def test_a_large_body_has_the_size_that_was_asked_for() -> None:
    assert len(bodies.large(bodies.a_run(1), 0, NOW // 1000, 200_000)) == 200_000


def test_an_envelope_and_a_row_of_an_outbox_have_the_sizes_that_the_page_tells() -> None:
    contacts = [bodies.stamped(each, NOW) for each in bodies.contacts(bodies.a_run(1), bodies.ENVELOPE)]
    envelope = bodies.message((f"04l5e0000{index:06}AAA", each) for index, each in enumerate(contacts))
    rows = [len(key) + len(headers) + len(value or b"") for _, _, key, headers, value in outbox.distinct_rows(100)]

    assert 105_000 < len(envelope) < 115_000
    assert 1_000 < sum(rows) / len(rows) < 1_150


async def test_of_the_plain_relays_one_has_the_batches_of_aiokafka_and_one_those_of_the_product() -> None:
    sizes = {}
    for name in (outbox.PLAIN, outbox.LARGER):
        producer = plain_relay.create_producer({"servers": "localhost:1", **outbox.SUBJECTS[name][1]})
        sizes[name] = producer._message_accumulator._batch_size
        await producer.stop()

    assert sizes == {outbox.PLAIN: 16 * 1024, outbox.LARGER: 1024 * 1024}


def test_the_changes_have_the_shares_that_the_page_tells() -> None:
    organization = Organization(bodies.a_run(2), NOW)
    founded = list(organization.founded(500))

    told = organization.changed(2_000)

    kinds = Counter(one.headers.type.split(".")[2] for one in founded)
    assert kinds == {"Contact": 500, "Account": 50}
    assert len(told) == 2_000
    assert 50 <= 2_000 - len({one.headers.id for one in told}) <= 150
    assert 50 <= sum((one.headers.fact_version or 0) < _newest(founded) for one in told) <= 160


def _newest(records: list[Outgoing]) -> int:
    return max(one.headers.fact_version or 0 for one in records)


def test_the_same_seed_makes_the_same_changes() -> None:
    first, second = (Organization(bodies.a_run(2), NOW) for _ in range(2))

    assert list(first.founded(50)) == list(second.founded(50))
    assert first.changed(100) == second.changed(100)
