"""The proxies between the services and the two servers, told what to do over their control ports."""

import asyncio
import json
from dataclasses import asdict, dataclass
from typing import Final

from paintbox.prove.proxy import HOST, Weather

CONTROL_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Link:
    """The way from every service to one server."""

    server: str
    """`postgres` or `kafka`."""
    control: int
    """The port that the proxy takes its orders on."""

    async def set(self, weather: Weather) -> int:
        """From now on it is so; how many connections there are. Raises OSError or TimeoutError without a proxy."""
        async with asyncio.timeout(CONTROL_SECONDS):
            reader, writer = await asyncio.open_connection(HOST, self.control)
            writer.write(json.dumps(asdict(weather)).encode() + b"\n")
            answer: dict[str, int] = json.loads(await reader.readline())
            writer.close()
            await writer.wait_closed()
        return answer["connections"]

    async def clear(self) -> None:
        """Fair weather again."""
        await self.set(Weather())
