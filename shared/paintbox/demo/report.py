"""What a run came to: all that `paintbox demo` says at its end."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from paintbox.demo.counts import Counts
from paintbox.demo.examples import Example
from paintbox.demo.latency import Latency
from paintbox.world.comparison import SHOWN, Difference, Tally
from paintbox.world.runs import Run, Size


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a run."""

    run: Run
    size: Size
    seconds: float
    """From the first record to the last comparison; bringing the stack up is not counted."""
    counts: Counts
    tallies: Sequence[Tally]
    latencies: Sequence[Latency]
    examples: Sequence[Example]

    @property
    def is_equal(self) -> bool:
        """Whether everything of the run is as the vendors have it."""
        return all(tally.is_equal for tally in self.tallies)

    @property
    def differences(self) -> Sequence[Difference]:
        """The first differences."""
        return [one for tally in self.tallies for one in tally.differences][:SHOWN]


def as_document(report: Report) -> Mapping[str, Any]:
    """As `--json` prints it; what is no number, text or truth value in it is text."""
    counts = report.counts
    return {
        "ok": report.is_equal,
        "run": report.run.tag,
        "seed": report.run.seed,
        "seconds": round(report.seconds, 1),
        "made": asdict(report.size),
        "counts": {
            "deliveries": counts.sent.due,
            "answered": counts.answered.done,
            "in_kafka": counts.in_kafka.done,
            "rows": counts.rows.done,
            "keys_applied": counts.keys.done,
        },
        "compared": [_as_compared(tally) for tally in report.tallies],
        "differences": [_as_text(asdict(one)) for one in report.differences],
        "latencies": [_rounded(asdict(latency)) for latency in report.latencies],
        "examples": [asdict(example) for example in report.examples],
    }


def _as_compared(tally: Tally) -> Mapping[str, Any]:
    return {name: value for name, value in asdict(tally).items() if name != "differences"}


def _rounded(latency: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in latency.items()}


def _as_text(difference: Mapping[str, Any]) -> Mapping[str, Any]:
    plain = (str, int, type(None))
    return {name: value if isinstance(value, plain) else str(value) for name, value in difference.items()}
