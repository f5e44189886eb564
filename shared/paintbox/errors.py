"""What an operator can do something about."""


class OperatorError(Exception):
    """One sentence that says what is wrong, and what to do about it. It is shown as it is: never a secret in it."""
