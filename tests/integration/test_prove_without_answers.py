"""A simulator that leaves a request without answer: what may be asked twice is, what may not is counted."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from paintbox.errors import OperatorError
from paintbox.prove import course, traffic
from paintbox.prove.course import Order
from paintbox.prove.display import Display
from paintbox.prove.traffic import Act, Plan
from paintbox.stack.environments import URLS
from paintbox.world import steering
from paintbox.world.edits import Vendor
from paintbox.world.steering import VENDORS, RefusedError, Simulators
from support.rigs import a_rig, idle_handles

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{}"
REFUSAL = ANSWER.replace(b"200 OK", b"409 Conflict")


@dataclass(slots=True)
class Flaky:
    """A server that cuts the connections of some requests."""

    cuts: Callable[[str], bool]
    asked: list[str] = field(default_factory=list)

    async def answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One request a connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked = " ".join(head.split()[:2])
        self.asked.append(asked)
        if not self.cuts(asked):
            writer.write(REFUSAL if asked.endswith("/refused") else ANSWER)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def simulators(flaky: Flaky, **environment: str) -> AsyncIterator[Simulators]:
    server = await asyncio.start_server(flaky.answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, steering.connected({**{URLS[one]: url for one in VENDORS}, **environment}) as opened:
        yield opened


@pytest.mark.parametrize(("method", "path"), [("GET", "records/Contact"), ("PUT", "faults"), ("DELETE", "faults")])
async def test_what_may_be_asked_twice_is_asked_again_where_the_connection_was_cut(method: str, path: str) -> None:
    flaky = Flaky(lambda _: len(flaky.asked) < 3)

    async with simulators(flaky) as opened:
        assert await steering.ask(opened, "salesforce", method, path) == {}

    assert flaky.asked == [f"{method} /_simulator/{path}"] * 3


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "records/Contact"), ("PATCH", "records/Contact"), ("DELETE", "records/Contact/003")]
)
async def test_a_change_is_asked_once_and_the_advice_names_the_directory(method: str, path: str) -> None:
    flaky = Flaky(lambda _: True)

    async with simulators(flaky, PAINTBOX_DIRECTORY="/somewhere/my stack") as opened:
        with pytest.raises(OperatorError, match=r"`paintbox status --directory '/somewhere/my stack'`"):
            await steering.ask(opened, "salesforce", method, path)

    assert len(flaky.asked) == 1


async def test_a_change_without_an_answer_is_told_and_the_others_are_made() -> None:
    flaky = Flaky(lambda asked: asked.endswith("/lost"))
    told: list[OperatorError | None] = []

    async with simulators(flaky) as opened:
        await traffic.drive(opened, Plan([an_act("lost"), an_act("made")], []), 1, told.append)

    assert sorted(one is None for one in told) == [False, True]
    assert flaky.asked.count("POST /_simulator/records/made") == 1


async def test_a_change_that_is_refused_is_told_apart_from_one_without_an_answer() -> None:
    flaky = Flaky(lambda asked: asked.endswith("/lost"))
    told: list[OperatorError | None] = []

    async with simulators(flaky) as opened:
        await traffic.drive(opened, Plan([an_act("lost"), an_act("refused")], []), 1, told.append)

    assert sorted(isinstance(one, RefusedError) for one in told) == [False, True]


async def test_what_ends_a_proof_early_is_in_its_report(tmp_path: Path) -> None:
    rig = a_rig(tmp_path, *idle_handles(tmp_path))

    proof = await course.run(rig, Order(5, 0.1), Display(None))

    assert proof.ended_early is not None
    assert f"`paintbox status --directory {tmp_path}` shows whether it runs" in proof.ended_early
    assert (proof.is_proven, proof.is_violated) == (False, False)


def an_act(path: str, vendor: Vendor = "salesforce") -> Act:
    return Act(0, 0, 0, vendor, "POST", path, [])
