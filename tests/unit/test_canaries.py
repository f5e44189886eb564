"""The logs of the tests' processes are searched for what the tests make up: each kind of leak is seen, none shown."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import canaries

SECRET = "a-token-of-more-than-sixteen-bytes"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Path]:
    """A stack's directory; the end of the session must not find it."""
    stack = tmp_path / "stack"
    (stack / "logs").mkdir(parents=True)
    (stack / "stack.json").write_text("{}")
    (stack / "env").write_text(f"PAINTBOX_SERVICE_TOKENS='short,{SECRET}'\n")
    (stack / "logs" / "photo-sync.log").write_text('{"message": "Partitions were assigned"}')
    yield stack
    shutil.rmtree(stack)


@pytest.mark.parametrize(
    ("leak", "kind"),
    [
        ("x9@example.com", "an e-mail address"),
        ("(503) 555-0100", "a telephone number"),
        ("Ada Lovelace", "a name"),
        (SECRET, "a secret"),
    ],
)
def test_a_leak_into_a_log_is_seen_and_told_by_its_kind(stack: Path, leak: str, kind: str) -> None:
    (stack / "logs" / "customer-sync.log").write_text(f'{{"message": "{leak}"}}')

    found = canaries.search_rest(stack.parent, stack / "run")

    assert list(canaries.told(found)) == [f"log customer-sync.log holds {kind}"]
    assert leak not in repr(found)


def test_a_log_without_any_is_clean(stack: Path) -> None:
    assert canaries.search_stack(stack) == []
    assert canaries.search_stack(stack / "logs") == []
