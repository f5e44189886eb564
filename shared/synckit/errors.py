"""The two kinds of failure. Whatever is neither is a bug, and is not caught."""


class TransientError(Exception):
    """The same work will succeed later: back off, keep the order, try again without limit."""


class SettingError(TransientError):
    """Nothing works before an operator has changed what is set.

    `reason` is logged and shown, so it names settings, never a value.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EndedError(TransientError):
    """A database session ended amid its work: its server stopped, or heard nothing of a slow client for too long."""


class PoisonError(Exception):
    """The record can never work: park it with its reason, and go on.

    `reason` is stored and shown, so it names fields and rules, never a value of the record.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
