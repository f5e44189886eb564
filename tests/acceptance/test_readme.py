"""What README.md tells a newcomer to paste, pasted in order."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from support.local_stack import LocalStack
from support.stacks import CHECKOUT
from support.waiting import until

SECTION: Final = "## Push a webhook yourself\n"
TOOLS: Final = ("bash", "curl", "openssl")
ROW: Final = """
    SELECT projects.name, projects.service_street, keys.external_id = projects.customer_id::text AS has_key
      FROM projects.projects
      JOIN projects.federation_keys AS keys ON keys.local_id = projects.id
     WHERE projects.company_cam_id = $1
"""

pytestmark = pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {', '.join(TOOLS)}")


def blocks() -> list[str]:
    """The shell blocks of the section, in their order."""
    section = (CHECKOUT / "README.md").read_text().partition(SECTION)[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def in_a_shell(lines: str) -> "subprocess.CompletedProcess[str]":
    command = ["bash", "-euc", lines]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)


async def test_the_webhook_that_the_readme_signs_becomes_the_row_that_it_asks_for(stack: LocalStack) -> None:
    push, look, stop = (block.replace(".local/env", f"'{stack.directory}/env'") for block in blocks())
    sourced = push.partition("\n")[0]

    pushed = in_a_shell(f"{push}\necho pasted $now")
    project = pushed.stdout.rpartition("pasted ")[2].strip()
    connection = await asyncpg.connect(stack["PROJECTS_DSN"])
    row = await until(lambda: connection.fetchrow(ROW, project))
    await connection.close()
    looked = in_a_shell(f"{sourced}\nnow={project}\n{look}")

    assert pushed.returncode == 0, pushed.stderr
    assert '{"accepted":1,"quarantined":0}' in pushed.stdout
    assert tuple(row) == ("Garden fence", "1 Main Street", True)
    assert looked.returncode == 0, looked.stderr
    assert "Garden fence" in looked.stdout
    assert stop.split("\n")[:2] == [line for line in stop.split("\n") if line.startswith("make ")]


def test_what_is_pasted_again_names_another_customer_and_project(tmp_path: Path) -> None:
    """Two customers with one address would be ambiguous, and the project contested."""
    (tmp_path / "env").write_text(
        "PAINTBOX_SALESFORCE_URL=s PAINTBOX_INGEST_URL=i PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS=t"
    )
    push = blocks()[0].replace(".local/env", f"'{tmp_path}/env'")
    shown = """curl() { printf '%s\\n' "$@"; }; date() { echo "$seconds"; }"""

    first, again = (in_a_shell(f"seconds={seconds}; {shown}\n{push}").stdout for seconds in (1111, 2222))

    assert first.count('"ann.lee.1111@example.com"') == 2
    assert '"project": {"id": "1111"' in first
    assert "1111" not in again


def test_no_block_of_the_readme_is_a_shell_error() -> None:
    for block in re.findall(r"```sh\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL):
        checked = subprocess.run(["bash", "-n", "-c", block], capture_output=True, text=True, check=False)

        assert checked.returncode == 0, checked.stderr
        assert not re.search(r"<[a-z ]+>", block), block
