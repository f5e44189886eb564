"""The pictures of a report, as SVG: a bar a ratio, and a picture a curve. The same figures give the same file."""

import io
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from paintbox.bench.figures import spread
from paintbox.bench.outcomes import RATE, Curve, Ratio
from paintbox.bench.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH: Final = 8.0
WIDE: Final = 20
"""Above this ratio of its ends an axis is logarithmic."""
BAR: Final = 0.36
STYLE: Final[Any] = {"svg.hashsalt": "paintbox", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False}
OURS: Final = "#2f6f9f"


def pictures(report: Report) -> list[tuple[str, str, str]]:
    """Title, file name and SVG of each picture."""
    ratios = [
        (letter, ratio)
        for letter, section in report.sections.items()
        for ratio in section.outcome.ratios
        if ratio.values and ratio.measure == RATE
    ]
    found = [("Ratios", "ratios.svg", _bars(ratios))] if ratios else []
    for letter, section in report.sections.items():
        found += [
            (curve.title, f"{letter.lower()}-{_name(curve)}.svg", _curve(curve)) for curve in section.outcome.curves
        ]
    return found


def _name(curve: Curve) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", curve.title.lower())[:6])


def _bars(ratios: Sequence[tuple[str, Ratio]]) -> str:
    """The median of each ratio, with the least and the greatest; 1 is as much as the other."""
    names = [f"{letter}: {ratio.of}\n/ {ratio.to}" for letter, ratio in ratios]
    found = [spread(ratio.values) for _, ratio in ratios]
    middles = [one.median for one in found]
    errors = [[one.median - one.low for one in found], [one.high - one.median for one in found]]

    def draw(axes: "Axes") -> None:
        places = range(len(names))
        bars = axes.barh(places, middles, xerr=errors, color=OURS, ecolor="#444444", height=0.6, capsize=2)
        axes.bar_label(bars, [f"{middle:.2f}" for middle in middles], padding=4)  # beside it: some bars are tiny
        axes.margins(x=0.12, y=0.02)
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.axvline(1.0, color="#444444", linewidth=0.8, linestyle="--")
        axes.set_xlabel("ratio of rates: more is better")

    return _svg(draw, 1.0 + BAR * 1.4 * len(names))


def _curve(curve: Curve) -> str:
    def draw(axes: "Axes") -> None:
        for name, line in curve.lines.items():
            axes.plot([x for x, _ in line], [y for _, y in line], marker="o", label=name)
        places = [x for line in curve.lines.values() for x, _ in line]
        if max(places) > WIDE * min(places):
            axes.set_xscale("log")
        axes.set_xlabel(curve.x)
        axes.set_ylabel(curve.y)
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
        if len(curve.lines) > 1:
            axes.legend()

    return _svg(draw, 3.6)


def _svg(draw: Any, height: float) -> str:
    import matplotlib as mpl  # noqa: PLC0415 - it is slow to import, and only here needed
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure.add_subplot())
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(_lines(text.getvalue())) + "\n"


def _lines(svg: str) -> Iterator[str]:
    """Without blanks at the ends of lines, which checks of a repository do not like."""
    yield from (line.rstrip() for line in svg.splitlines())
