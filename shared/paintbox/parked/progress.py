"""How far what an operator asked for is. `paintbox status` reads this module, and so none that works on records."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of what was asked for."""

    done: int = 0
    failed: int = 0
    dropped: int = 0
    """By somebody else meanwhile."""
    waiting: Mapping[str, int] = field(default_factory=dict)
    """By the consumer that is to do it."""
    absent: tuple[str, ...] = ()
    """Those of these consumers that have no session in the database: most likely they do not run."""

    @property
    def is_over(self) -> bool:
        """Whether nothing is waited for any more."""
        return not self.waiting

    @property
    def is_good(self) -> bool:
        """Whether all of it worked."""
        return self.is_over and not self.failed and not self.dropped
