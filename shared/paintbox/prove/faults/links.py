"""The ways to the two servers: slow, cut, black-holed, narrow."""

from functools import partial
from typing import TYPE_CHECKING, Final

from paintbox.prove.faults.kind import KAFKA, POSTGRES, Heal, Kind
from paintbox.prove.proxy import Weather

if TYPE_CHECKING:
    from paintbox.prove.rig import Rig

SLOW: Final = Weather(latency=0.15)
NARROW: Final = Weather(rate=64 * 1024)
BLACKHOLE: Final = Weather(blackhole=True)
REFUSED: Final = Weather(refuse=True)
RESET: Final = Weather(reset=True)
FORGOTTEN: Final = Weather(forget=True)
TORN: Final = Weather(cut_after=5_000)


async def _change(rig: "Rig", target: str, weather: Weather) -> Heal:
    link = rig.links[target]
    await link.set(weather)
    return link.clear


def _kinds(server: str, said: str) -> tuple[Kind, ...]:
    def kind(name: str, says: str, seconds: tuple[float, float], weather: Weather) -> Kind:
        return Kind(f"{server}-{name}", server, says, seconds, partial(_change, weather=weather))

    return (
        kind("slow", f"0.15 s more each way to {said}", (4.0, 10.0), SLOW),
        kind("narrow", f"64 KiB/s a connection to {said}", (4.0, 10.0), NARROW),
        kind("blackhole", f"nothing passes to {said}", (3.0, 12.0), BLACKHOLE),
        kind("refused", f"connections to {said} cut and refused", (1.0, 6.0), REFUSED),
        kind("reset", f"connections to {said} reset once", (0.0, 0.0), RESET),
        kind("forgotten", f"connections to {said} forgotten by a firewall, new ones pass", (0.0, 0.0), FORGOTTEN),
        kind("torn", f"connections to {said} reset after 5,000 bytes of its answers", (2.0, 6.0), TORN),
    )


KINDS: Final = (*_kinds(POSTGRES, "PostgreSQL"), *_kinds(KAFKA, "the broker"))
