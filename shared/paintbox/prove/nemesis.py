"""The nemesis: does the strokes of a plan, heals each, and times how long the rig takes to be well again."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import asyncpg

from paintbox.errors import OperatorError
from paintbox.prove import recovery
from paintbox.prove.faults.kind import Heal, Kind
from paintbox.prove.nemesis_plan import Stroke, aftermath, disturbs, hit, schedule
from paintbox.prove.recovery import Mark

if TYPE_CHECKING:
    from paintbox.prove.rig import Rig

LOOK_SECONDS: Final = 1.0
LAST_SECONDS: Final = 180.0
"""How long the nemesis waits for the last recoveries. What is too long is for the proof to say."""
FAILURES: Final = (OperatorError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
"""A stroke that cannot be done or healed is told, and the run goes on."""


class Phase(StrEnum):
    """What became of a stroke."""

    BEGUN = "begun"
    HEALED = "healed"
    RECOVERED = "recovered"
    FAILED = "failed"
    """It could not be done, or not be healed."""
    NOT_RECOVERED = "not recovered"
    DIED = "died"
    """A process that nobody ended does not run, and is started again."""
    STARTED = "started again"
    """It runs again, which had died of a stroke after all: so long the stroke was at work."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the nemesis did or saw."""

    phase: Phase
    at: float
    """Seconds after the beginning."""
    says: str
    stroke: Stroke | None = None
    seconds: float | None = None
    """RECOVERED: from the begin of the healing, the start of what was killed included, without the time in which it was
    disturbed (see `disturbs`)."""
    waited: float | None = None
    """RECOVERED: all the time from the begin of the healing to the recovery."""
    process: str = ""
    """DIED: which."""
    excuse: str = ""
    """DIED: the fault that ended it after all, and why."""


@dataclass(slots=True)
class _Pending:
    """A stroke that is being healed, or is healed and its recovery awaited."""

    stroke: Stroke
    began_healing_at: float
    mark: Mark | None = None
    undisturbed: float = 0.0


@dataclass(slots=True)
class Nemesis:
    """A plan at work on a rig."""

    rig: "Rig"
    seed: int
    kinds: Sequence[Kind]
    minutes: float
    impossible: frozenset[str] = frozenset()
    """Kinds that are drawn as everywhere, and that this machine cannot do."""
    on_event: Callable[[Event], None] = lambda _: None
    """Called for everything that happens, in its order."""
    _began: float = 0.0
    _active: dict[int, frozenset[str]] = field(default_factory=dict)
    """Of each stroke at work, the processes that it has taken."""
    _healing: dict[int, _Pending] = field(default_factory=dict)
    """By stroke: what brings back what it took is at work."""
    _pending: list[_Pending] = field(default_factory=list)
    _all_recovered: asyncio.Event = field(default_factory=asyncio.Event)
    _counted: float = 0.0
    """Until when the time of recoveries is counted."""
    _free: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """Held by the stroke that has taken the process."""
    _starting: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    _excused: dict[str, Stroke] = field(default_factory=dict)
    """By process that died of a stroke after all: which; until it runs again."""

    @property
    def plan(self) -> list[Stroke]:
        """What it will do."""
        drawn = schedule(self.seed, self.kinds, self._replicas, self.minutes)
        return [stroke for stroke in drawn if stroke.kind not in self.impossible]

    async def run(self) -> None:
        """Does every stroke, heals it, and waits until the rig has recovered of each, for 3 minutes at most.

        All is healed when this returns. What ends it before, as Ctrl-C does, only wakes who is frozen, and lets
        everything pass: all is stopped next.
        """
        self._began = time.monotonic()
        self._all_recovered.set()
        handles = self.rig.processes.values()
        for handle in handles:
            handle.deaths.append(self._died)
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(self._watch())
                await self._strike_all()
                await self._until_recovered()
                watching.cancel()
        except BaseException:
            for start in self._starting.values():
                start.cancel()
            await self.rig.calm()
            raise
        finally:
            await asyncio.gather(*self._starting.values(), return_exceptions=True)
        await self.rig.heal()
        for handle in handles:
            handle.deaths.remove(self._died)

    @property
    def _replicas(self) -> int:
        return self.rig.stack.kept.layout.replicas

    def _now(self) -> float:
        return round(time.monotonic() - self._began, 2)

    def _tell(self, phase: Phase, says: str, stroke: Stroke | None = None) -> None:
        self.on_event(Event(phase, self._now(), says, stroke))

    async def _strike_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for stroke in self.plan:
                await asyncio.sleep(max(0.0, stroke.at - self._now()))
                group.create_task(self._strike(stroke))

    async def _strike(self, stroke: Stroke) -> None:
        kind = self._kind(stroke)
        taken = frozenset(hit(kind, stroke.target, self._replicas))
        async with AsyncExitStack() as stack:
            for name in sorted(taken):  # free already, unless an earlier stroke took longer to heal than was planned
                await stack.enter_async_context(self._free[name])
            self._count()
            self._active[stroke.number] = taken
            try:
                self._tell(Phase.BEGUN, stroke.says, stroke)
                await self._do(kind, stroke)
            except FAILURES as error:
                self._tell(Phase.FAILED, f"{stroke.says}: {type(error).__name__}: {error}", stroke)
            else:
                self._healed(stroke)
            finally:
                self._healing.pop(stroke.number, None)
                self._count()
                del self._active[stroke.number]

    def _kind(self, stroke: Stroke) -> Kind:
        return next(kind for kind in self.kinds if kind.name == stroke.kind)

    async def _do(self, kind: Kind, stroke: Stroke) -> None:
        heal: Heal = await kind.inject(self.rig, stroke.target)
        await asyncio.sleep(stroke.seconds)
        self._count()
        self._healing[stroke.number] = _Pending(stroke, self._now())
        await heal()

    def _healed(self, stroke: Stroke) -> None:
        self._tell(Phase.HEALED, stroke.says, stroke)
        self._tell_of_start(stroke.target)
        self._pending.append(self._healing[stroke.number])
        self._all_recovered.clear()

    async def _until_recovered(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                await self._all_recovered.wait()
        for pending in self._pending:
            trouble = await self.rig.trouble(pending.mark) or "it took too long"
            self._tell(Phase.NOT_RECOVERED, f"{pending.stroke.says}: {trouble}", pending.stroke)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._start_the_dead()
            await self._look()

    def _count(self) -> None:
        """Adds the time since the last call to each recovery that was not disturbed: before what is harmed changes."""
        now = self._now()
        for pending in (*self._healing.values(), *self._pending):
            if not disturbs(self._harmed_beside(pending), pending.stroke, self.kinds, self._replicas):
                pending.undisturbed += now - self._counted
        self._counted = now

    def _harmed_beside(self, pending: _Pending) -> frozenset[str]:
        others = (taken for number, taken in self._active.items() if number != pending.stroke.number)
        dead = {name for name in self._starting if self._excused.get(name) != pending.stroke}
        return frozenset(dead).union(*others)

    def _taken(self) -> frozenset[str]:
        return frozenset().union(*self._active.values(), self._starting)

    def _start_the_dead(self) -> None:
        """The stack has no supervisor: whoever ended though nobody hit it is started again by us, which tells of it."""
        taken = self._taken()
        for name, handle in self.rig.processes.items():
            if name not in taken and handle.pid is None:
                self._count()
                self._starting[name] = asyncio.create_task(self._start(name))

    async def _start(self, name: str) -> None:
        try:
            await self.rig.processes[name].start()
            self._tell_of_start(name)
        except FAILURES as error:
            self._tell(Phase.FAILED, f"start of {name}: {error}")
        finally:
            self._count()
            del self._starting[name]

    def _died(self, name: str) -> None:
        """Tells of a process that a start has found dead, whoever starts it: a stroke that has taken it, too."""
        healed = [one.stroke for one in (*self._healing.values(), *self._pending)]
        stroke = aftermath(name, healed, self.kinds, self._replicas)
        excuse = ""
        if stroke is not None:
            self._excused[name] = stroke
            excuse = f"{stroke.says}: {self._kind(stroke).aftermath}"
        says = f"{name} has ended{f' ({excuse})' if excuse else ''}; its log: {self.rig.processes[name].log}"
        self.on_event(Event(Phase.DIED, self._now(), says, process=name, excuse=excuse))

    def _tell_of_start(self, name: str) -> None:
        self._count()
        if stroke := self._excused.pop(name, None):
            self._tell(Phase.STARTED, f"{name}, after {stroke.says}", stroke)

    async def _look(self) -> None:
        """Ends the waiting for all strokes of which the rig has recovered, so far as no other is at work."""
        taken = self._taken()
        if not self._pending or await recovery.unready(
            handle for name, handle in self.rig.processes.items() if name not in taken
        ):
            return
        try:
            found = await recovery.find_positions(self.rig.kafka)
        except OperatorError:
            return
        for pending in list(self._pending):
            pending.mark = pending.mark or Mark(found.ends)
            if recovery.behind(found, pending.mark) is None:
                self._recovered(pending)
        if not self._pending:
            self._all_recovered.set()

    def _recovered(self, pending: _Pending) -> None:
        self._count()
        self._pending.remove(pending)
        now, stroke = self._now(), pending.stroke
        waited = round(now - pending.began_healing_at, 2)
        undisturbed = min(round(pending.undisturbed, 2), waited)
        self.on_event(Event(Phase.RECOVERED, now, stroke.says, stroke, undisturbed, waited))
