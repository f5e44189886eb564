from hypothesis import given
from hypothesis import strategies as st

from simulators.deliveries import Queued
from simulators.lanes import HOLD_SECONDS, Lanes

NOW = 1000.0


def a_delivery(seq: int, *records: str, subscription: str = "1", due: float = NOW, held: bool = False) -> Queued:
    return Queued(seq, subscription, "webhook", records or ("a",), due, held)


def lanes_with(*queued: Queued, size: int = 1) -> Lanes:
    lanes = Lanes({"webhook": size})
    for each in queued:
        lanes.add(each)
    lanes.release(NOW)
    return lanes


def order_of(lanes: Lanes) -> list[int]:
    """The order in which everything that may be sent is sent, one request at a time."""
    seqs = []
    while taken := lanes.take():
        seqs += [each.seq for each in taken]
        lanes.done(taken)
    return seqs


def test_deliveries_of_one_record_go_one_at_a_time_in_their_order() -> None:
    lanes = lanes_with(a_delivery(1), a_delivery(2), a_delivery(3))

    first = lanes.take()

    assert [each.seq for each in first] == [1]
    assert lanes.take() == []
    lanes.done(first)
    assert order_of(lanes) == [2, 3]


def test_deliveries_of_different_records_go_at_once() -> None:
    lanes = lanes_with(a_delivery(1, "a"), a_delivery(2, "b"))

    taken = [lanes.take(), lanes.take()]

    assert [[each.seq for each in request] for request in taken] == [[1], [2]]


def test_one_request_carries_as_many_deliveries_as_its_form_allows_but_no_record_twice() -> None:
    lanes = lanes_with(a_delivery(1, "a"), a_delivery(2, "a"), a_delivery(3, "b"), a_delivery(4, "c"), size=3)

    taken = lanes.take()

    assert [each.seq for each in taken] == [1, 3, 4]


def test_a_merged_delivery_waits_for_all_of_its_records_and_holds_all_of_them_up() -> None:
    lanes = lanes_with(a_delivery(1, "a"), a_delivery(2, "a", "b"), a_delivery(3, "b"))

    first = lanes.take()

    assert [each.seq for each in first] == [1]
    assert lanes.take() == []
    lanes.done(first)
    assert order_of(lanes) == [2, 3]


def test_subscriptions_take_turns() -> None:
    lanes = lanes_with(
        a_delivery(1, "a"),
        a_delivery(2, "b"),
        a_delivery(3, "a", subscription="2"),
        a_delivery(4, "b", subscription="2"),
    )

    assert order_of(lanes) == [1, 3, 2, 4]


def test_nothing_goes_before_it_is_due() -> None:
    lanes = lanes_with(a_delivery(1, due=NOW + 5))

    assert lanes.take() == []
    assert lanes.next_due() == NOW + 5
    lanes.release(NOW + 5)
    assert order_of(lanes) == [1]


def test_a_late_delivery_does_not_hold_up_the_later_ones_of_its_record() -> None:
    lanes = lanes_with(a_delivery(1, due=NOW + 5), a_delivery(2))

    first = order_of(lanes)

    lanes.release(NOW + 5)
    assert (first, order_of(lanes)) == ([2], [1])


def test_a_held_delivery_goes_right_behind_the_next_one_of_its_record() -> None:
    lanes = lanes_with(a_delivery(1, held=True), a_delivery(2))

    assert order_of(lanes) == [2, 1]
    lanes.release(NOW + HOLD_SECONDS)
    assert order_of(lanes) == []


def test_a_held_delivery_that_nothing_overtakes_goes_when_its_time_is_up() -> None:
    lanes = lanes_with(a_delivery(1, held=True))

    assert lanes.take() == []
    lanes.release(NOW + HOLD_SECONDS)
    assert order_of(lanes) == [1]


def test_where_all_are_held_every_second_one_overtakes_the_one_before_it() -> None:
    lanes = lanes_with()
    sent = []

    for seq in range(1, 5):
        lanes.add(a_delivery(seq, held=True))
        lanes.release(NOW)
        sent += order_of(lanes)

    assert sent == [2, 1, 4, 3]


def test_a_retry_of_an_older_delivery_does_not_overtake_a_held_one() -> None:
    lanes = lanes_with(a_delivery(1))
    first = lanes.take()
    lanes.done(first)
    lanes.add(a_delivery(2, held=True))
    lanes.add(a_delivery(1))

    lanes.release(NOW)

    assert order_of(lanes) == [1]


@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from("abc"), min_size=1), st.booleans(), st.sampled_from([0.0, 1.0, 3.0])),
        max_size=12,
    ),
    st.data(),
)
def test_whatever_is_owed_is_taken_once_and_no_record_is_in_two_requests_at_a_time(
    owed: list[tuple[set[str], bool, float]], data: st.DataObject
) -> None:
    lanes = Lanes({"webhook": 2})
    for seq, (records, held, late) in enumerate(owed):
        lanes.add(a_delivery(seq, *sorted(records), due=NOW + late, held=held))
    taken_seqs: list[int] = []
    under_way: list[list[Queued]] = []
    now = NOW

    while len(taken_seqs) < len(owed) or under_way:
        lanes.release(now)
        taken = lanes.take()
        if taken:
            under_way.append(taken)
            taken_seqs += [each.seq for each in taken]
            told = [record for request in under_way for each in request for record in each.records]
            assert len(told) == len(set(told))
        elif under_way:
            lanes.done(under_way.pop(data.draw(st.integers(0, len(under_way) - 1))))
        else:
            due = lanes.next_due()
            assert due is not None, "something is owed and nothing will ever release it"
            now = max(now, due)

    assert sorted(taken_seqs) == list(range(len(owed)))
