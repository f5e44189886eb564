"""The documents say what the code does: generated pages are up to date, and the README's commands exist."""

import os
import re
from typing import Final

import pytest

from support import commands, pages
from support.stacks import CHECKOUT
from support.steps import openings, steps
from synckit import failpoints
from synckit.contracts.headers import LATE, EventHeaders
from synckit.failpoints import AFTER, BEFORE
from synckit.names import PUBLIC_NAMES

README: Final = (CHECKOUT / "README.md").read_text()
DOCUMENTS: Final = {file: file.read_text() for file in [CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md")]}


@pytest.mark.parametrize("file", sorted(pages.pages()))
def test_a_generated_page_is_up_to_date(file: str) -> None:
    page = pages.FOLDER / file
    text = pages.pages()[file]
    if os.environ.get("PAINTBOX_UPDATE_PAGES"):
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text)

    assert page.read_text() == text


def test_the_names_that_are_taken_for_failpoints_are_those_of_the_code() -> None:
    assert sorted(failpoints.NAMES) == sorted(steps())


OPENINGS: Final[dict[str, tuple[str, ...]]] = {
    "photo_sync.handlers.held:_count_projects": (),
    "photo_sync.handlers.held:_find_projects_of_photos": (),
    "photo_sync.handlers.held:_match_projects": (),
    "synckit.consumer.alarms:count_all": (),
    "synckit.consumer.alarms:list_topics": (),
    "synckit.consumer.alarms:raise_alarm": ("consumer.alarm",),
    "synckit.consumer.group:_join": (),
    "synckit.consumer.lease:ask": ("consumer.lease",),
    "synckit.consumer.loop:_commit": ("consumer.offsets", "consumer.markers"),
    "synckit.consumer.unread:_go_back": ("consumer.other_log",),
    "synckit.integrations.configs:refresh": (),
    "synckit.integrations.webhooks:receive": ("integrations.receive",),
    "synckit.mirror.projector:_is_there": (),
    "synckit.mirror.projector:_slice": (),
    "synckit.mirror.refusals:_try_object": (),
    "synckit.mirror.refusals:try_again": (),
    "synckit.outbox.relay:_stand_for_election": ("relay.delete", "relay.refuse"),
    "synckit.parking.compacted:in_order": ("parking.outdated",),
    "synckit.parking.compacted:settle": ("parking.outdated",),
    "synckit.parking.redrive:once": (),
    "synckit.references:check": (),
    "synckit.references:routes": (),
    "synckit.sessions:end_silent": (),
    "webhook_ingest.custody:_write": ("webhook_ingest.spool",),
    "webhook_ingest.custody:check": (),
    "webhook_ingest.spool:_has_rows": (),
    "webhook_ingest.spool:_measure": (),
}
"""Where a session is opened without a transaction, or offsets are committed: its steps; none where it keeps nothing."""


def test_whatever_is_committed_without_a_transaction_has_a_step_before_and_after_it() -> None:
    assert openings() == set(OPENINGS)
    named = {f"{step}:{side}" for found in OPENINGS.values() for step in found for side in (BEFORE, AFTER)}
    assert named <= failpoints.NAMES


def test_every_metric_is_documented() -> None:
    text = pages.metrics()

    undocumented = {name for name in pages.registered() if not any(f"`{base}`" in text for base in (name, _base(name)))}
    assert undocumented == set()


def _base(name: str) -> str:
    """Histograms and counters register a few names each."""
    for suffix in ("_bucket", "_count", "_sum", "_created"):
        if name.endswith(suffix):
            stem = name.removesuffix(suffix)
            return f"{stem}_total" if suffix == "_created" and f"`{stem}_total`" in pages.metrics() else stem
    return f"{name}_total" if f"`{name}_total`" in pages.metrics() else f"{name}_info"


def test_every_header_is_documented() -> None:
    assert set(pages.HEADERS) == {"ce_specversion", "content-type", LATE[0], *_header_names()}


def _header_names() -> set[str]:
    special = {"correlation_id": "ce_correlationid", "traceparent": "traceparent", "request": "request"}
    return {special.get(name, "ce_" + name.replace("_", "")) for name in EventHeaders.__dataclass_fields__}


def test_the_make_targets_of_the_documents_exist() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))

    named = {word for text in DOCUMENTS.values() for word in re.findall(r"(?:^|[`(&;] *|\n)make ([a-z-]+)", text)}

    assert named - targets == set()
    assert {"setup", "up", "down", "clean", "demo", "check", "fmt", "lock", "test", "test-fast"} <= targets


def test_the_commands_of_the_documents_exist() -> None:
    named = {line for text in DOCUMENTS.values() for line in commands.written(text)}

    assert {line: why for line in sorted(named) if (why := commands.refused(line))} == {}
    assert {"status", "parked drop --id 17 --yes", "up --replicas 2"} <= named


@pytest.mark.parametrize(
    "wrong",
    [
        "parked frobnicate 17",
        "status --nonsense",
        "frobnicate",
        "parked list --consumer",
        "parked --yes drop",
        "status again",
        "up --replicas many",
        "--nonsense",
    ],
)
@pytest.mark.parametrize(
    "document",
    [
        "Then `paintbox {}`.",
        "Then `paintbox\n{}` again.",
        "```sh\n.venv/bin/paintbox {}  # so\n```",
        "```\npaintbox {} | cat\n```\n",
    ],
)
def test_a_command_that_does_not_exist_is_found_in_a_document(document: str, wrong: str) -> None:
    (line,) = commands.written(document.format(wrong))

    assert line == wrong
    assert (commands.refused(line) is None) == (wrong == "parked show"), (
        "of a command that is named nothing is demanded"
    )


def test_every_setting_is_in_the_readme() -> None:
    assert [name for name in PUBLIC_NAMES if name not in README] == []


def test_links_between_the_documents_lead_somewhere() -> None:
    broken = [
        f"{file.relative_to(CHECKOUT)}: {target}"
        for file, text in DOCUMENTS.items()
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
        if "://" not in target and not (file.parent / target).exists()
    ]

    assert broken == []


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = sorted(file.name[:4] for file in (CHECKOUT / "docs/decisions").glob("[0-9]*.md"))

    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]
