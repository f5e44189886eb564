"""`integration_configs.config` as a service uses it: read again every half minute, valid or not in force."""

import asyncio
import logging
from typing import Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from synckit import postgres
from synckit.errors import SettingError, TransientError
from synckit.failures import describe, passes
from synckit.postgres import Connection, Pool

log = logging.getLogger(__name__)

REFRESH_SECONDS: Final = 30.0
MOST_NAMES: Final = 10

Model = TypeVar("Model", bound=BaseModel)


class Configuration(Generic[Model]):
    """The configuration in force: the last valid one that was read; the shipped defaults where the row sets nothing.

    Where there is no row, as amid a restore, nothing was read: the migrations make it.
    """

    def __init__(self, pool: Pool, service: str, model: type[Model]) -> None:
        self._pool = pool
        self._service = service
        self._model = model
        self._text: str | None = None
        self._wrong = ""
        self._current: Model | None = None

    async def get(self) -> Model:
        """The configuration in force. Reads it first where it was never read: nothing is decided without it.

        Raises SettingError, with the names of what is wrong, while none that was read since the start is valid: by
        the defaults, rows would be written otherwise than by copies of the process that know the last valid one.
        """
        if self._current is None:
            await self.refresh()
        if self._current is None:
            raise SettingError(f"integration_configs.config of {self._service} is not valid: {self._wrong}")
        return self._current

    async def refresh(self) -> None:
        """Read it anew. What does not fit the model is logged once (names, no values) and changes nothing.

        Raises TransientError where there is no row.
        """
        async with postgres.session(self._pool) as connection:
            text = await find_config(connection, self._service)
        if text is None:
            raise TransientError(f"integration_configs has no row of {self._service}")
        if text != self._text:
            self._adopt(text)

    async def run(self) -> None:
        """Refresh every 30 s until cancelled; a database that is away leaves things as they are."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
            except Exception as error:
                if not passes(error):
                    raise
                log.warning("The configuration could not be read", extra={"service": self._service, **describe(error)})

    def _adopt(self, text: str) -> None:
        self._text = text
        try:
            self._current = self._model.model_validate_json(text)
        except ValidationError as error:
            details = error.errors(include_input=False, include_context=False, include_url=False)
            self._wrong = ", ".join(".".join(map(str, detail["loc"])) for detail in details[:MOST_NAMES])
            log.warning(
                "The configuration is not valid: nothing is applied until it is"
                if self._current is None
                else "The configuration is not valid: the last valid one stays",
                extra={"service": self._service, "wrong": self._wrong},
            )


async def find_config(connection: Connection, service: str) -> str | None:
    """The JSON text of a vendor's configuration; None where there is no row for it."""
    text: str | None = await connection.fetchval(
        """
        SELECT config::text
          FROM integrations.integration_configs
         WHERE service = $1::integrations.integration_service_enum
        """,
        service,
    )
    return text
