"""SIGTERM ends a command that started something as Ctrl-C does: everything that it cleans up is cleaned up."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from paintbox.commands.stack import interrupted_by_sigterm


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["in front", "in the background of a shell"])
def _started(request: pytest.FixtureRequest) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, request.param)
    yield
    assert signal.signal(signal.SIGINT, before) == request.param


@pytest.mark.usefixtures("_started")
def test_the_first_sigterm_interrupts_and_the_next_leaves_the_cleaning_up_alone() -> None:
    cleaned: list[str] = []

    async def command() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(30)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.05)
            cleaned.append("all")

    with pytest.raises(KeyboardInterrupt), interrupted_by_sigterm():
        asyncio.run(command())

    assert cleaned == ["all"]


def test_afterwards_sigterm_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with interrupted_by_sigterm():
        during = signal.getsignal(signal.SIGTERM)

    assert signal.getsignal(signal.SIGTERM) == before
    assert callable(during), "what is started in the block would inherit SIG_IGN"
