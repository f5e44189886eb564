"""When a body was signed: whatever the header holds is answered, never an error of ours."""

import pytest

from webhook_ingest import signatures

NOW = 1_767_348_010


@pytest.mark.parametrize("timestamp", [f"{NOW}", f"{NOW - 300}", f"{NOW + 300}", f"00000{NOW}"])
def test_b08_a_timestamp_of_these_five_minutes_is_fresh(timestamp: str) -> None:
    assert signatures.is_fresh(timestamp, NOW)
    assert signatures.milliseconds(timestamp) == int(timestamp) * 1000


@pytest.mark.parametrize(
    "timestamp",
    [
        "",
        f"{NOW - 301}",
        f"{NOW + 301}",
        f"-{NOW}",
        f"{NOW}.0",
        f" {NOW}",
        f"00000{NOW}" + "0" * 5_000,
        f"00000{NOW}0",
        "9" * 15,
        "²³",
        "٣" * 10,
    ],
)
def test_b08_any_other_timestamp_is_stale(timestamp: str) -> None:
    assert not signatures.is_fresh(timestamp, NOW)
