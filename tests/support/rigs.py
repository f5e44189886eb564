"""A rig of which nothing runs: for what is decided before, after and without its processes."""

from dataclasses import replace
from pathlib import Path

from paintbox.prove.disk import Disk
from paintbox.prove.handles import Handle
from paintbox.prove.rig import Rig
from paintbox.stack.environments import KEPT_SECRETS, port_names
from paintbox.stack.kept import Kept
from paintbox.stack.layout import Layout
from paintbox.stack.parts import parts_of
from paintbox.stack.programs import Outcome
from paintbox.stack.stacks import Stack
from support.stacks import places_in

CLOSED_PORT = 1
"""Nothing listens there, and only root could."""


def a_rig(folder: Path, *handles: Handle, disk: Disk | None = None) -> Rig:
    """Two copies of everything, at ports at which nobody answers."""
    return Rig(a_stack(folder), {one.name: one for one in handles}, {}, disk, "it has no small disk")


def a_stack(folder: Path) -> Stack:
    """Where nothing was started yet."""
    layout = Layout(replicas=2, proxies=True)
    kept = Kept(ports=dict.fromkeys(port_names(layout), CLOSED_PORT), layout=layout)
    return Stack(places_in(folder), kept.with_secrets(KEPT_SECRETS), None, {}, lambda _: None)


def idle_handles(folder: Path) -> list[Handle]:
    """Of every process of a rig, none of which runs, or is ever started."""

    async def bring_up(_: Stack) -> Outcome:
        return Outcome.RUNS

    stack = a_stack(folder)
    parts = [part for part in parts_of(Layout(replicas=2, proxies=True)) if part.is_process]
    return [Handle(part.name, replace(part, bring_up=bring_up), stack) for part in parts]
