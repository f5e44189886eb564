"""The two kinds of failure. Whatever is neither is a bug, and is not caught."""


class TransientError(Exception):
    """The same work will succeed later: back off, keep the order, try again without limit.

    Its message is logged and shown by `/readyz`, so it names settings and rules, never a value of a record.
    """


class PoisonError(Exception):
    """The record can never work: park it with its reason, and go on.

    `reason` is stored and shown, so it names fields and rules, never a value of the record.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
