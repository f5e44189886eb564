"""SIGTERM and SIGHUP end a command that started something as Ctrl-C does: what it cleans up is cleaned up."""

import asyncio
import os
import pty
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from paintbox.commands.stack import interrupted_by_sigterm


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["in front", "in the background of a shell"])
def _started(request: pytest.FixtureRequest) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, request.param)
    yield
    assert signal.signal(signal.SIGINT, before) == request.param


@pytest.mark.usefixtures("_started")
@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_interrupts_and_the_next_leaves_the_cleaning_up_alone(first: signal.Signals) -> None:
    cleaned: list[str] = []

    async def command() -> None:
        try:
            os.kill(os.getpid(), first)
            await asyncio.sleep(30)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.05)
            cleaned.append("all")

    with pytest.raises(KeyboardInterrupt), interrupted_by_sigterm():
        asyncio.run(command())

    assert cleaned == ["all"]


def test_under_nohup_a_command_goes_on() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupted_by_sigterm():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_is_said_after_the_terminal_was_closed_goes_nowhere_and_everything_is_cleaned_up(tmp_path: Path) -> None:
    cleaned = tmp_path / "cleaned"
    child, terminal = pty.fork()
    if not child:
        try:
            with interrupted_by_sigterm():
                os.write(1, b"at work")
                time.sleep(30)
        except KeyboardInterrupt:
            os.write(1, b"stopping")
            cleaned.touch()
        finally:
            os._exit(0)
    assert b"at work" in os.read(terminal, 100)

    os.close(terminal)
    os.waitpid(child, 0)

    assert cleaned.exists()


def test_afterwards_sigterm_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with interrupted_by_sigterm():
        during = signal.getsignal(signal.SIGTERM)

    assert signal.getsignal(signal.SIGTERM) == before
    assert callable(during), "what is started in the block would inherit SIG_IGN"
