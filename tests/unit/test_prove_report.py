"""What a proof says of itself: proven only where everything was looked at, and in one file without anything else."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

from paintbox.commands import prove
from paintbox.prove import witness
from paintbox.prove.html import page
from paintbox.prove.nemesis import Event, Phase
from paintbox.prove.nemesis_plan import Stroke
from paintbox.prove.report import Proof, Struck, as_document
from paintbox.prove.text import conclusion, show
from paintbox.prove.trace import Seen, Story
from paintbox.prove.verdicts import Verdict, Violation, skipped, verdict

HELD = verdict("I1", "every event has a row", 10, [])
BROKEN = verdict("I4", "versions rise", 10, [Violation("key-1", "went <backwards>")])
EMPTY = verdict("I2", "one effect", 0, [])
NOT_HERE = skipped("I5", "no limit is exceeded", "nobody is asked")
STROKE = Stroke(1, 4.2, "kill", "customer-sync", 2.5, "kill -9 of customer-sync")


def a_proof(*verdicts: Any, **changes: Any) -> Proof:
    values: dict[str, Any] = {
        "seed": 7,
        "minutes": 3,
        "seconds": 250.0,
        "through": "the edge (nginx)",
        "counted": {"deliveries": 6_000},
        "struck": [Struck(STROKE, 9.4, 6.8, "recovered", 3.25)],
        "died": [],
        "skipped": [("clock-ahead", "libfaketime is not installed")],
        "verdicts": list(verdicts),
        "stories": [],
        "logs": "/somewhere/logs",
    }
    return Proof(**values | changes)


def printed(proof: Proof) -> str:
    console = Console(width=200, record=True, quiet=False, file=None)
    with console.capture() as captured:
        show(console, proof)
    return captured.get()


def test_it_is_proven_where_all_holds_or_cannot_be_looked_at() -> None:
    assert a_proof(HELD, NOT_HERE).is_proven
    assert conclusion(a_proof(HELD, NOT_HERE)) == "seed 7: 0 violations in 250 s"


def test_a_violation_or_a_check_of_nothing_is_no_proof() -> None:
    assert not a_proof(HELD, BROKEN).is_proven
    assert not a_proof(HELD, EMPTY).is_proven
    assert conclusion(a_proof(HELD, EMPTY)) == "seed 7: nothing was checked of: one effect"


def test_what_ended_early_is_no_proof_and_no_violation_of_anything() -> None:
    early = a_proof(HELD, EMPTY, ended_early="The simulator salesforce does not answer")
    violated = a_proof(HELD, BROKEN, ended_early="The simulator salesforce does not answer")

    assert (early.is_proven, early.is_violated) == (False, False)
    assert (violated.is_proven, violated.is_violated) == (False, True)
    assert "ended early" in conclusion(early)
    assert "no violation until then: The simulator salesforce does not answer" in printed(early)
    assert as_document(early)["ended_early"] == early.ended_early


@pytest.mark.parametrize(("verdict", "code"), [(HELD, 0), (NOT_HERE, 0), (EMPTY, 2), (BROKEN, 1)])
def test_it_exits_with_1_where_something_is_violated_and_with_2_where_it_is_not_known(
    verdict: Verdict, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) if code else nullcontext() as ended:
        prove._tell(a_proof(HELD, verdict), None, as_json=True)

    assert (0 if ended is None else ended.value.exit_code) == code
    assert json.loads(capsys.readouterr().out)["ok"] is (code == 0)


def test_a_story_without_the_topics_says_so() -> None:
    story = Story("key-1", ("key-1",), (), topics_unread="Kafka does not answer at <nowhere>")
    proof = a_proof(HELD, BROKEN, stories=[story])

    assert "what the topics say is not told: Kafka does not answer at <nowhere>" in printed(proof)
    assert "What the topics say is not told: Kafka does not answer at &lt;nowhere&gt;" in page(proof)


def test_the_text_names_faults_violations_and_what_was_skipped() -> None:
    story = Story("key-1", ("key-1",), (Seen("2026-11-22T12:00:00.000Z", "outbox_events", "waits", "customer-sync"),))

    text = printed(a_proof(HELD, BROKEN, NOT_HERE, stories=[story], died=["photo-sync has ended"]))

    assert "kill -9 of customer-sync" in text
    assert "3.2 s" in text
    assert "key-1 went <backwards>" in text
    assert "skipped: clock-ahead (libfaketime is not installed)" in text
    assert "died by itself: photo-sync has ended" in text
    assert "the story of key-1:" in text
    assert text.splitlines()[-1].strip() == "seed 7: 1 violations in 250 s"


def test_a_fault_is_shown_when_it_was_done_and_not_when_it_was_planned() -> None:
    begun, healed = Event(Phase.BEGUN, 9.4, STROKE.says, STROKE), Event(Phase.HEALED, 16.2, STROKE.says, STROKE)
    well = Event(Phase.RECOVERED, 18.0, STROKE.says, STROKE, 3.25, 3.5)

    done = a_proof(HELD, struck=witness.struck([begun, healed, well]))
    not_healed = a_proof(HELD, struck=witness.struck([begun]))

    assert done.struck == [Struck(STROKE, 9.4, 6.8, "recovered", 3.25, 3.5)]
    for told in (printed(done), page(done)):
        assert "9.4 s" in told
        assert "6.8 s" in told
        assert "2.5 s" not in told
    assert [one.lasted for one in not_healed.struck] == [None]
    assert "begun" in printed(not_healed)


def test_what_became_of_a_fault_stays_so_though_what_died_of_it_is_started_afterwards() -> None:
    begun, failed = Event(Phase.BEGUN, 1.0, STROKE.says, STROKE), Event(Phase.FAILED, 5.0, STROKE.says, STROKE)
    started = Event(Phase.STARTED, 9.0, STROKE.says, STROKE)

    assert [(one.outcome, one.lasted) for one in witness.struck([begun, failed, started])] == [("failed", 8.0)]


def test_the_document_is_json_and_says_what_was_not_checked() -> None:
    document = json.loads(json.dumps(as_document(a_proof(HELD, EMPTY, NOT_HERE))))

    assert document["ok"] is False
    assert [one["state"] for one in document["invariants"]] == ["held", "nothing checked", "skipped"]
    assert document["faults"][0]["recovery_seconds"] == 3.25
    assert (document["faults"][0]["begun_at"], document["faults"][0]["lasted_seconds"]) == (9.4, 6.8)


def test_the_page_needs_nothing_beside_itself_and_escapes_what_it_shows() -> None:
    html = page(a_proof(HELD, BROKEN))

    assert "went &lt;backwards&gt;" in html
    assert not any(wanted in html for wanted in ("http:", "https:", "src=", "<script", "<link"))


@pytest.mark.parametrize(("proof", "code"), [(a_proof(HELD), 2), (a_proof(HELD, BROKEN), 1)])
def test_a_report_that_is_not_written_for_a_full_disk_takes_nothing_from_what_is_said(
    proof: Proof, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        prove._tell(proof, Path("/dev/full"), as_json=True)

    said = capsys.readouterr()
    assert ended.value.exit_code == code
    assert json.loads(said.out)["seed"] == proof.seed
    assert "error: /dev/full was not written: No space left on device" in said.err
