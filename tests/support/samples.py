"""The bodies under `tests/samples`, as bytes and as documents."""

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[1] / "samples"

ORGANIZATION: Final = "00D5e000000Pnt1EAC"
DOUGLAS: Final = "0035e00000Dou01AAB"
GERALDINE: Final = "0035e00000Jer01AAB"
ACME: Final = "0015e00000Acm01AAB"
PROJECT: Final = "94100001"
PHOTO: Final = "3553000001"


def body(name: str) -> bytes:
    """A sample as it would be posted."""
    return (FOLDER / name).read_bytes()


def document(name: str) -> Any:
    """A JSON sample, to be changed and posted."""
    return json.loads(body(name))


def dumped(value: Any) -> bytes:
    """A changed sample as bytes."""
    return json.dumps(value).encode()
