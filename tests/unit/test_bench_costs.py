"""What an event costs, by who works at it; and which Kafka works at E."""

from pathlib import Path

from paintbox.bench import costs, rig
from paintbox.bench.costs import Reading
from paintbox.bench.outcomes import values_of
from paintbox.bench.workloads import one_account
from paintbox.bench.workloads.one_account import Round
from paintbox.stack import kafka
from paintbox.stack.servers import kafka_program
from support.rigs import a_stack


def test_an_event_costs_what_each_part_and_the_load_used_meanwhile_and_the_cores_are_those_of_the_load() -> None:
    readings = (
        Reading(100.0, {"doors": 5.0, "Kafka": 50.0}),
        Reading(102.0, {"doors": 5.5, "Kafka": 51.5}),
        Reading(110.0, {"doors": 6.0, "Kafka": 53.0}),
    )

    found = costs.figures("100 webhooks/s", readings, load_seconds=1.0, events=1_000)

    used = {one.measure: values_of(found, "100 webhooks/s", one.measure) for one in found}
    assert used == {
        "doors CPU µs": (1_000.0,),
        "Kafka CPU µs": (3_000.0,),
        "load CPU µs": (1_000.0,),
        "all CPU µs": (5_000.0,),
        "cores used": (1.5,),
    }


def test_memory_is_told_by_part_in_megabytes() -> None:
    found = costs.memory("100 webhooks/s", {"doors": 71_500_000, "photo-sync": 90_000_000})

    assert [(one.measure, one.values) for one in found] == [
        ("doors peak RSS MB", (71.5,)),
        ("photo-sync peak RSS MB", (90.0,)),
    ]


def test_a_row_of_a_large_account_costs_what_its_change_used_over_all_of_its_rows() -> None:
    took = Round(4.0, 2.0, 0.5, 80_000_000, 90_000_000, [50.0])

    found = one_account._outcome(8_000, [took], [[40.0]])

    assert values_of(found.figures, one_account.FAN_OUT, "CPU µs/row") == (250.0,)
    assert values_of(found.figures, one_account.FAN_OUT, "rows/s") == (2_000.0,)


def test_a_kafka_for_minutes_is_started_otherwise_with_the_same_data(tmp_path: Path) -> None:
    stack = a_stack(tmp_path)

    lasting = kafka_program(rig.with_kafka(stack, lasting=True))
    brief = kafka_program(rig.with_kafka(stack, lasting=False))

    assert set(kafka.BRIEF) <= set(brief.arguments)
    assert not set(kafka.BRIEF) & set(lasting.arguments)
    assert brief.folder == lasting.folder
    assert brief.fingerprint != lasting.fingerprint
