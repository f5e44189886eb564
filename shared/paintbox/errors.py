"""What an operator can do something about."""

import errno
from typing import Final

FULL: Final = " Free some space, and try again."
FOREIGN: Final = " It must be yours to read and write."
NOWHERE: Final = " There can be no such file: name another place."
FORESEEN: Final = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), FULL),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), FOREIGN),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.ELOOP, errno.ENAMETOOLONG), NOWHERE),
}
"""What a machine may refuse whatever we do, and what helps."""
HOW_TO_REACH: Final = (
    "`make up` starts the local stack, `paintbox up --directory …` another one; or this shell holds an old `.local/env`"
)
"""What to say where a server is not there: after `make clean` and `make up` it has another port and password."""


class OperatorError(Exception):
    """One sentence that says what is wrong, and what to do about it. It is shown as it is: never a secret in it."""


def foreseen(error: Exception) -> str | None:
    """That sentence, of what a machine may refuse too, whatever we do; None for a bug, which is to show as one."""
    if isinstance(error, OperatorError):
        return str(error)
    if not isinstance(error, OSError) or error.errno not in FORESEEN:
        return None
    return f"{error.filename or 'a file'}: {error.strerror}.{FORESEEN[error.errno]}"
