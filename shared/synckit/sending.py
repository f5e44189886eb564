"""What aiokafka 0.14 lacks where sending fails, added where this module is imported: nothing here is called by name.

Whoever sent one is told, and so asyncio has nothing to say of it.
"""

from collections.abc import Callable
from typing import Any, Final

from aiokafka.producer.message_accumulator import MessageAccumulator, MessageBatch
from aiokafka.producer.transaction_manager import TransactionManager

_fail: Final = MessageBatch.failure
_begin: Final = MessageAccumulator.__init__


class _Pending(set[Any]):
    """Batches that are being sent. One that fails while it waits to be sent again is removed twice."""

    def remove(self, one: Any) -> None:
        self.discard(one)


def _fail_and_look(batch: Any, exception: BaseException) -> None:
    """Also at what is there for whoever waits until a batch is sent: mostly nobody does."""
    _fail(batch, exception)
    batch._drain_waiter.exception()  # noqa: SLF001 - aiokafka has no other way


def _begin_with_pending(accumulator: Any, *given: Any, **named: Any) -> None:
    _begin(accumulator, *given, **named)
    accumulator._pending_batches = _Pending()  # noqa: SLF001 - as above


def _end_and_look(end: Callable[[Any, BaseException], None]) -> Callable[[Any, BaseException], None]:
    """What ends a transaction; and looks at what is there for whoever waits for that: nobody does after a failure."""

    def ended(manager: Any, exception: BaseException) -> None:
        end(manager, exception)
        manager._transaction_waiter.exception()  # noqa: SLF001 - as above

    return ended


MessageBatch.failure = _fail_and_look
MessageAccumulator.__init__ = _begin_with_pending
TransactionManager.error_transaction = _end_and_look(TransactionManager.error_transaction)
TransactionManager.fatal_error = _end_and_look(TransactionManager.fatal_error)
