"""A run's traffic, in an order that shows that order does not matter, with deliveries that go wrong."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from paintbox.demo import standstill
from paintbox.demo.counts import Counts, Lack, undelivered, unprojected
from paintbox.demo.display import Display
from paintbox.demo.sessions import Sessions
from paintbox.demo.watch import Watch
from paintbox.world import edits, steering
from paintbox.world.edits import Step
from paintbox.world.making import Made
from paintbox.world.runs import Run
from paintbox.world.steering import Simulators

STEPS_A_LOOK: Final = 50
"""How many requests are sent before the display is brought up to date."""


async def drive(sessions: Sessions, run: Run, made: Made, watch: Watch, display: Display) -> Counts:
    """Sends the whole run through the stack, and waits until all of it stands still; what was seen last.

    Takes over the simulators' faults, and leaves none in force, however it ends; sets their clocks right. Raises
    OperatorError when the watch's time is over.
    """
    simulators = sessions.simulators
    await steering.behave(simulators)
    for vendor, seconds in (await steering.set_clocks_right(simulators)).items():
        display.say(f"the clock of the simulator {vendor} was {seconds:+,.0f} s from real time: it is set right")
    await _jobs_before_people(simulators, made, watch, display)
    async with _misbehaving(simulators, run.seed):
        display.say("edits, labels and tags; a fifth of the deliveries twice, others late or in the wrong order")
        await _in_rounds(simulators, edits.edits(run, made), watch)
        await watch.until(_rowless)
        display.say("deletions and archives, and some of it back again")
        await _in_rounds(simulators, edits.endings(run, made), watch)
    display.say("waiting until nothing moves any more")

    async def still_lacking(counts: Counts) -> Sequence[Lack]:
        return await standstill.lacks(sessions, counts)

    return await watch.until(still_lacking)


async def _jobs_before_people(simulators: Simulators, made: Made, watch: Watch, display: Display) -> None:
    """Photos, their projects, the projects' customers, the customers' companies: each before what it hangs on."""
    display.say(f"{len(made.photos):,} photos of {len(made.projects):,} projects, before anybody knows whose they are")
    early = len(made.photos) // 3
    await steering.create(simulators, "companycam", "photos", made.photos[:early])
    await steering.create(simulators, "companycam", "projects", made.projects)
    await steering.create(simulators, "companycam", "photos", made.photos[early:])

    async def not_held_yet(counts: Counts) -> Sequence[Lack]:
        lacks = len(made.projects) - counts.held_projects
        held = Lack("photo-sync", f"{lacks:,} of {len(made.projects):,} projects have not come to be held yet")
        return [held, *undelivered(counts)] if lacks else []

    seen = await watch.until(not_held_yet)
    display.say(f"held until their customers come: {seen.held_projects:,} projects and {seen.held_photos:,} photos")
    display.say(f"{len(made.contacts):,} contacts, and after them {len(made.accounts):,} accounts that they belong to")
    await steering.create(simulators, "salesforce", "Contact", made.contacts)
    await steering.create(simulators, "salesforce", "Account", made.accounts)


async def _rowless(counts: Counts) -> Sequence[Lack]:
    """What has no row yet. What is deleted before it had one never gets one, so deletions wait for this."""
    return list(unprojected(counts))


async def _in_rounds(simulators: Simulators, rounds: Sequence[Sequence[Step]], watch: Watch) -> None:
    for steps in rounds:
        for start in range(0, len(steps), STEPS_A_LOOK):
            await steering.take(simulators, steps[start : start + STEPS_A_LOOK])
            await watch.look()


@asynccontextmanager
async def _misbehaving(simulators: Simulators, seed: int) -> AsyncIterator[None]:
    await steering.misbehave(simulators, seed)
    try:
        yield
    finally:
        await steering.behave(simulators)
