"""The report of `paintbox bench`: as JSON, as a page, and against an earlier one."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from paintbox.bench import comparison, menu, publication, report
from paintbox.bench.outcomes import CPU, RATE, Figure, Goal
from paintbox.bench.page import number, page
from paintbox.bench.pictures import pictures
from paintbox.bench.report import Report
from paintbox.bench.workloads import doors
from paintbox.errors import OperatorError
from support.bench import a_report, a_section, an_outcome


def test_a_report_survives_its_own_json() -> None:
    document = json.loads(json.dumps(report.as_document(a_report("AD"))))

    assert report.from_document(document) == a_report("AD")


def test_every_figure_of_the_json_has_its_median_and_its_ends() -> None:
    figure = report.as_document(a_report())["workloads"]["D"]["figures"][0]

    assert (figure["median"], figure["min"], figure["max"]) == (4_000.0, 2_000.0, 6_000.0)


def test_the_page_shows_figures_ratios_goals_and_the_machine() -> None:
    text = page(a_report())

    assert "| relay | 4,000 (2,000 to 6,000) |" in text
    assert "| relay / plain | events/s | **4.00 (2.00 to 6.00)** |" in text
    assert "| D | at least 2 x | 4.00 | met |" in text
    assert "| D | at least 9 x | 4.00 | **not met** |" in text
    assert "| processor | two cores |" in text
    assert f"- {menu.NOTES['D'][0]}" in text


def test_the_page_says_how_many_rounds_there_are_and_what_does_not_take_turns() -> None:
    text = " ".join(page(a_report()).split())

    assert "of 5 rounds, of what is grown of 3." in text
    assert "B+'s process with few contacts, whose rounds are before those with many" in text


def test_the_page_shows_further_tables_under_their_own_headings() -> None:
    text = page(a_report())

    assert "\n### What a row costs\n\n| | Kafka CPU µs |\n|---|---|\n| relay | 20.0 |\n" in text


def test_a_report_from_before_there_were_further_tables_is_read() -> None:
    document = report.as_document(a_report())
    del document["workloads"]["D"]["tables"]

    assert report.from_document(document).sections["D"].outcome == replace(a_section("D").outcome, tables=())


def test_the_page_says_where_the_machine_had_other_work() -> None:
    assert "Other work ran on the machine" not in page(a_report(others=0.1))
    assert "(35% of its cores just before)" in page(a_report(others=0.35))


def test_a_goal_says_where_it_was_not_measured_as_the_others_were() -> None:
    usual, other = a_section("D"), a_section("D", processor="four cores")
    quick, busy = replace(other, is_quick=True), a_section("F", others=0.35)
    older = replace(usual, outcome=replace(usual.outcome, notes=("The clock started earlier.",)))
    sections = {"A": older, "B": quick, "D": usual, "E": replace(other, outcome=an_outcome()), "F": busy}

    text = page(Report(usual.machine, sections))

    goals = [line for line in text.splitlines() if "| at least 2 x |" in line]
    assert [line.rpartition("4.00 | ")[2] for line in goals] == [
        "met, of an older bench |",
        "met, `--quick`, on another machine, of an older bench |",
        "met |",
        "met, on another machine, of an older bench |",
        "met, beside other work |",
    ]
    assert text.count("By **an older bench**") == 3


def test_what_floors_are_made_of_is_said_wherever_a_goal_that_has_one_is_not_met() -> None:
    usual = a_report("AF")
    met = replace(usual.sections["A"].outcome, goals=(Goal("at least 2 x", 4.0, is_met=True),))
    all_met = {**usual.sections, "A": replace(usual.sections["A"], outcome=met)}
    other = {"A": a_section("A", processor="four cores"), "D": replace(a_section("D"), is_quick=True)}

    assert "What the floor of a goal" in page(usual)
    assert "What the floor of a goal" in page(replace(usual, sections=other))
    assert "What the floor of a goal" not in page(replace(usual, sections=all_met))


def test_a_figure_has_as_many_digits_as_mean_something() -> None:
    assert [number(value) for value in (12_345.6, 123.4, 12.34, 1.234)] == ["12,346", "123", "12.3", "1.23"]


def test_what_was_not_measured_now_stays_as_it_was_measured_on_this_machine() -> None:
    joined = report.joined(a_report("AD", rate=1.0), a_report("D", rate=5.0))

    assert list(joined.sections) == ["A", "D"]
    assert joined.sections["D"] == a_report("D", rate=5.0).sections["D"]


def test_what_was_measured_on_another_machine_stays_and_says_so() -> None:
    joined = report.joined(a_report("AD", load="wrk, of old"), a_report("D", processor="four cores"))
    again = report.from_document(json.loads(json.dumps(report.as_document(joined))))

    assert again == joined
    assert list(joined.sections) == ["A", "D"]
    assert page(joined).count("On **another machine**: ") == 1
    assert (
        "On **another machine**: processor two cores; memory 8 GiB; PostgreSQL 18; Kafka 4; load wrk, of old."
        in page(joined)
    )


def test_two_reports_that_cannot_be_compared_are_said_to_be_such() -> None:
    quick = a_report("D")
    quick = replace(quick, sections={"D": replace(quick.sections["D"], is_quick=True)})

    assert comparison.differences(a_report("AD"), a_report("D", rate=1.0)) == []
    assert comparison.differences(a_report("AD"), quick) == [
        "D was measured in full then, and quickly now: nothing may be compared."
    ]
    assert comparison.differences(a_report("AD"), a_report("D", processor="four cores")) == [
        "D was on another machine then, or with other servers or libraries: only ratios may be compared."
    ]
    assert comparison.differences(a_report("D", load="our own"), a_report("D")) == [
        "D had its load from another generator then (our own): only ratios may be compared."
    ]
    assert comparison.differences(a_report("D", load="our own"), a_report("D", processor="four cores")) == [
        "D was on another machine then, or with other servers or libraries: only ratios may be compared."
    ]
    assert comparison.differences(a_report("A"), a_report("D")) == [
        "D was not measured then: there is nothing to compare it with."
    ]


def test_a_change_is_the_new_median_over_the_old_one() -> None:
    changes = comparison.changes(a_report(rate=1_000.0), a_report("AD", rate=1_500.0))

    assert [(one.subject, one.measure, one.ratio) for one in changes] == [
        ("relay / plain", f"ratio of {RATE}", 1.0),
        ("relay", RATE, 1.5),
        ("plain", RATE, 1.0),
        ("relay", "Kafka CPU µs", 1.5),
    ]
    assert {one.workload for one in changes} == {"D"}


def test_of_other_work_nothing_is_compared_and_on_another_machine_only_ratios() -> None:
    quick = a_report("D")
    quick = replace(quick, sections={"D": replace(quick.sections["D"], is_quick=True)})

    on_another = comparison.changes(a_report("D"), a_report("D", processor="four cores"))

    assert comparison.changes(a_report("D"), quick) == []
    assert [one.measure for one in on_another] == [f"ratio of {RATE}"]


def test_of_what_was_measured_otherwise_nothing_is_compared() -> None:
    before, now = a_report("AD"), a_report("AD")
    otherwise = replace(before.sections["D"].outcome, notes=("The clock started earlier.",))
    before = replace(before, sections={**before.sections, "D": replace(before.sections["D"], outcome=otherwise)})

    assert comparison.differences(before, now) == [
        "D is measured otherwise now, as its notes tell: nothing may be compared."
    ]
    assert {one.workload for one in comparison.changes(before, now)} == {"A"}


def test_the_page_is_written_beside_the_json_that_the_next_bench_goes_on_from(tmp_path: Path) -> None:
    publication.write(tmp_path, a_report("A"))
    publication.write(tmp_path, a_report("D"))

    assert list(report.read(tmp_path / "performance.json").sections) == ["A", "D"]
    assert "## D: rows" in (tmp_path / "performance.md").read_text()


def test_the_page_shows_a_picture_of_the_ratios_and_one_of_each_curve(tmp_path: Path) -> None:
    publication.write(tmp_path, a_report("DE"))

    page_text = (tmp_path / "performance.md").read_text()
    drawn = sorted(path.name for path in (tmp_path / "performance").iterdir())
    assert drawn == ["d-latency.svg", "e-latency.svg", "ratios.svg"]
    assert all(f"(performance/{name})" in page_text for name in drawn)


def test_half_a_load_is_no_bar_among_the_ratios_of_which_more_is_better() -> None:
    subjects = (
        doors.OURS,
        doors.PLAIN,
        doors.OURS_MANY,
        doors.PLAIN_MANY,
        doors.TWO,
        doors.LONE,
        doors.BARE,
        doors.PARTS,
    )
    figures = [Figure(name, what, (2.0,)) for name in (*subjects, *doors.FOLLOWED.values()) for what in (RATE, CPU)]
    section = replace(a_report("A").sections["A"], outcome=replace(an_outcome(), ratios=doors.ratios(figures)))

    (_, _, svg), *_ = pictures(replace(a_report("A"), sections={"A": section}))

    assert doors.OURS_MANY in svg
    assert doors.OURS_HALF not in svg
    assert doors.PLAIN_HALF not in svg


def test_the_same_figures_give_the_same_pictures() -> None:
    assert pictures(a_report()) == pictures(a_report())


def test_an_unreadable_report_of_before_does_not_cost_the_new_one(tmp_path: Path) -> None:
    (tmp_path / "performance.json").write_text('{"format": 0}')

    publication.write(tmp_path, a_report("D"))

    assert list(report.read(tmp_path / "performance.json").sections) == ["D"]


NO_VALUES = re.sub(r'"values": \[[^]]*\]', '"values": []', json.dumps(report.as_document(a_report("D"))))


@pytest.mark.parametrize("text", ['{"format": 1}', '{"machine": {}, "workloads": []}', "[]", "no JSON", NO_VALUES])
def test_a_file_that_is_no_report_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.json").write_text(text)

    with pytest.raises(OperatorError, match="holds no report"):
        report.read(tmp_path / "other.json")
