"""Files that are whole or not there at all, and readable by their owner alone."""

import os
import tempfile
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600


def write_atomically(path: Path, text: str) -> bool:
    """Makes the file hold this text, for its owner alone; whether that changed it. Nobody ever sees half of it."""
    if _holds(path, text):
        return False
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


def _holds(path: Path, text: str) -> bool:
    try:
        return path.stat().st_mode & 0o777 == PRIVATE and path.read_text(encoding="utf-8") == text
    except (FileNotFoundError, UnicodeDecodeError):
        return False
