"""Memory that was used and is free goes back to the system once a process has nothing more to do."""

import asyncio
import subprocess
import sys

import pytest

from support.waiting import until_true
from synckit import memory

FRAGMENTED = """
import asyncio

from synckit import memory

memory.LOOK_SECONDS = 0.3


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096 // 2**20


async def main():
    giving = asyncio.create_task(memory.give_back())
    await asyncio.sleep(0)
    pieces = [bytes(2_000) for _ in range(50_000)]
    kept = pieces[::5000]
    last = bytes(2_000)
    del pieces
    until = asyncio.get_running_loop().time() + 0.7
    while asyncio.get_running_loop().time() < until:
        sum(range(10_000))
        await asyncio.sleep(0)
    before = resident()
    await asyncio.sleep(1)
    print(before, resident(), len(kept), len(last))
    giving.cancel()


asyncio.run(main())
"""


def test_what_lies_between_pieces_that_are_kept_is_given_back_once_the_work_is_over() -> None:
    done = subprocess.run([sys.executable, "-c", FRAGMENTED], capture_output=True, text=True, check=True)

    before, after, *_ = map(int, done.stdout.split())
    assert before - after > 50


async def test_while_there_is_work_nothing_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    trimmed: list[int] = []
    clock = iter(range(0, 1_000, 5))

    class Library:
        def __init__(self, _: None) -> None:
            self.malloc_trim = trimmed.append

    monkeypatch.setattr("synckit.memory.ctypes.CDLL", Library)
    monkeypatch.setattr(memory, "process_time", lambda: next(clock))
    monkeypatch.setattr(memory, "LOOK_SECONDS", 0.001)
    giving = asyncio.create_task(memory.give_back())

    await until_true(lambda: next(clock) > 200)
    giving.cancel()

    assert trimmed == []


async def test_another_c_library_has_nothing_to_give_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synckit.memory.ctypes.CDLL", lambda _: object())

    async with asyncio.timeout(1):
        await memory.give_back()
