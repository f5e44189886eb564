"""File systems that root mounts for a stack: where they lie, and how they go."""

import subprocess

from paintbox.errors import OperatorError
from paintbox.stack.places import Places
from paintbox.stack.stacks import homes_elsewhere


def release(where: Places) -> None:
    """Unmounts what is mounted in the folders of this stack, and removes these. Nothing may run on them any more."""
    for folder in homes_elsewhere(where):
        if folder.is_mount():
            run("umount", str(folder))
            folder.rmdir()


def run(*command: str) -> None:
    """Raises OperatorError where it cannot be started, or does not do it."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise OperatorError(f"{command[0]} cannot be started: {error.strerror}") from error
    if answer.returncode != 0:
        raise OperatorError(f"{command[0]}: {answer.stderr.strip() or answer.returncode}")
