"""`.ci/audit` is red for whatever it finds and whatever it cannot do; only an index out of reach is left out."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from support.stacks import CHECKOUT

CLEAN: Final = {"name": "httpx", "version": "1.0", "vulns": []}
FOUND: Final = {"name": "idna", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": []}]}
UNKNOWN: Final = {"name": "ours", "skip_reason": "Dependency not found on PyPI and could not be audited: ours (1.0)"}
OTHER: Final = {"name": "odd", "skip_reason": "the version is odd"}
NONE: Final = "No known vulnerabilities found"
REFUSED: Final = (
    "Traceback …\nrequests.exceptions.ConnectionError: HTTPSConnectionPool(host='pypi.org', port=443): refused"
)
BUSY: Final = (
    "requests.exceptions.HTTPError: 503 Server Error: busy\nTraceback …\npip_audit._service.interface.ServiceError"
)


def audit(folder: Path, said: str, code: int, *packages: object) -> subprocess.CompletedProcess[str]:
    """What the script makes of a pip-audit that says this."""
    program = folder / ".venv/bin/pip-audit"
    for parent in (program.parent, folder / ".ci"):
        parent.mkdir(parents=True)
    shutil.copy(CHECKOUT / ".ci/audit", folder / ".ci")
    (folder / "answer").write_text(json.dumps({"dependencies": packages, "fixes": []}) if packages else "")
    (folder / "said").write_text(said)
    program.write_text(
        "#!/usr/bin/env bash\n"
        'while test "$1" != --output; do shift || exit 9; done; cp answer "$2"\n'
        f"cat said >&2; exit {code}\n"
    )
    program.chmod(0o755)
    return subprocess.run([folder / ".ci/audit"], capture_output=True, text=True, check=False)


def test_it_says_how_many_packages_it_found_nothing_about(tmp_path: Path) -> None:
    done = audit(tmp_path, NONE, 0, CLEAN, CLEAN)

    assert (done.returncode, done.stdout) == (0, "No known vulnerabilities found, of 2 packages\n")


@pytest.mark.parametrize(
    ("said", "code", "packages"),
    [
        pytest.param("Found 1 known vulnerability in 1 package", 1, [CLEAN, FOUND], id="a finding"),
        pytest.param(
            f"Found 1 known vulnerability in 1 package\n{REFUSED}", 1, [FOUND], id="a finding, and no network"
        ),
        pytest.param(NONE, 0, [CLEAN, UNKNOWN], id="a package that only others publish"),
        pytest.param(NONE, 0, [OTHER], id="a package that was left out for another reason"),
        pytest.param(NONE, 0, [], id="nothing was audited"),
        pytest.param("ERROR: invalid requirements input: requirements/runtime.txt", 1, [], id="no list"),
        pytest.param("ERROR: requirement idna does not contain a hash", 1, [], id="a list that cannot be read"),
        pytest.param("pip-audit: error: unrecognized arguments: --nonsense", 2, [], id="bad arguments"),
        pytest.param("Traceback …\nTypeError: 'requests.exceptions.ConnectionError'", 1, [], id="a bug"),
        pytest.param(
            "requests.exceptions.HTTPError: 404 Client Error: Not Found", 1, [], id="asked for the wrong page"
        ),
        pytest.param("", 137, [], id="killed"),
    ],
)
def test_whatever_it_finds_or_cannot_do_is_red(tmp_path: Path, said: str, code: int, packages: list[object]) -> None:
    done = audit(tmp_path, said, code, *packages)

    assert done.returncode == 1
    assert "NOT audited" not in done.stdout


@pytest.mark.parametrize(
    ("said", "code", "packages"),
    [
        (REFUSED, 1, []),
        (BUSY, 1, []),
        ("ERROR: Could not connect to PyPI's vulnerability feed\nERROR: Tip: your network", 1, []),
        (NONE, 0, [UNKNOWN, UNKNOWN]),
    ],
)
def test_an_index_that_cannot_be_asked_is_told_of(tmp_path: Path, said: str, code: int, packages: list[object]) -> None:
    done = audit(tmp_path, said, code, *packages)

    assert done.returncode == 0
    assert done.stdout.startswith("the dependencies were NOT audited")
