"""What a record of a compacted topic says, whatever the clock of its reader says."""

import time
from dataclasses import replace
from typing import Final

import pytest

from support.notifications import KafkaRecord
from support.relationships import a_project
from synckit import times, versions
from synckit.contracts.compacted import Standing, decode
from synckit.contracts.values import ProjectChanged
from synckit.errors import PoisonError

DAY_MS: Final = versions.DAY_MS


def a_project_of(version_ms: int, received_ms: int) -> KafkaRecord:
    """One that changed and was received so many milliseconds after now."""
    now = int(time.time() * 1000)
    record = a_project(versions.pushed(now + version_ms))
    received = times.rfc3339(now + received_ms).encode()
    return replace(record, headers=[*record.headers, ("ce_receivedat", received)])


@pytest.mark.parametrize(
    ("version_ms", "received_ms"),
    [(2 * DAY_MS, 2 * DAY_MS), (0, -10 * DAY_MS)],
    ids=["a reader's clock that is two days behind", "an old record that was put through again"],
)
def test_a_version_that_the_receipt_or_the_clock_has_reached_stands(version_ms: int, received_ms: int) -> None:
    said = decode(ProjectChanged, a_project_of(version_ms, received_ms))

    assert isinstance(said, Standing)


@pytest.mark.parametrize(
    ("version_ms", "received_ms"),
    [(2 * DAY_MS, DAY_MS // 2), (9 * DAY_MS, 9 * DAY_MS), (60_000 * DAY_MS, 60_000 * DAY_MS)],
    ids=["ahead of its receipt", "b76 a receipt of next week", "b76 a receipt of the far future"],
)
def test_a_version_of_a_time_that_is_yet_to_come_is_parked_whatever_its_receipt(
    version_ms: int, received_ms: int
) -> None:
    with pytest.raises(PoisonError) as refused:
        decode(ProjectChanged, a_project_of(version_ms, received_ms))

    assert refused.value.code == "implausible_version"
