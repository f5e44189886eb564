"""`/healthz` says that the loop turns, `/readyz` whether what the process depends on answers, by name."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

log = logging.getLogger(__name__)

Check = Callable[[], Awaitable[str | None]]
"""None where all is well, else what is missing, in words without secrets."""

CHECK_SECONDS: Final = 2.0


async def missing(checks: Mapping[str, Check]) -> dict[str, str]:
    """What each failing check says, by its name. All are asked at once; none may take longer than 2 s."""
    answers = await asyncio.gather(*(_ask(name, check) for name, check in checks.items()))
    return {name: answer for name, answer in zip(checks, answers, strict=True) if answer is not None}


async def _ask(name: str, check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return f"does not answer within {CHECK_SECONDS:.0f} s"
    except Exception as error:  # noqa: BLE001 - whatever a dependency raises, the answer is "not ready", with its kind
        log.debug("A readiness check failed", extra={"check": name, "error": type(error).__name__})
        return type(error).__name__
