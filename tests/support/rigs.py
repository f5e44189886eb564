"""A rig of which nothing runs: for what is decided before, after and without its processes."""

from pathlib import Path

from paintbox.prove.disk import Disk
from paintbox.prove.handles import Handle
from paintbox.prove.rig import Rig
from paintbox.stack.environments import KEPT_SECRETS, port_names
from paintbox.stack.kept import Kept
from paintbox.stack.layout import Layout
from paintbox.stack.stacks import Stack
from support.stacks import places_in

CLOSED_PORT = 1
"""Nothing listens there, and only root could."""


def a_rig(folder: Path, *handles: Handle, disk: Disk | None = None) -> Rig:
    """Two copies of everything, at ports at which nobody answers."""
    return Rig(a_stack(folder), {one.name: one for one in handles}, {}, disk, "it has no small disk")


def a_stack(folder: Path) -> Stack:
    """Where nothing was started yet."""
    layout = Layout(replicas=2)
    kept = Kept(ports=dict.fromkeys(port_names(layout), CLOSED_PORT), layout=layout)
    return Stack(places_in(folder), kept.with_secrets(KEPT_SECRETS), None, {}, lambda _: None)
