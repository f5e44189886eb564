"""What the operator's program does without: it starts many times a day, and a library costs a part of a second."""

import subprocess
import sys

import pytest

OF_SERVICES = {"faststream", "pydantic", "uvicorn"}


@pytest.mark.parametrize("module", ["paintbox.__main__", "paintbox.stack.parts", "paintbox.status.text"])
def test_commands_that_are_typed_often_read_no_library_of_the_services(module: str) -> None:
    said = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys, {module}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert OF_SERVICES & set(said.stdout.split()) == set()
