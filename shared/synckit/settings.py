"""What every process reads from its environment, and how it fails when that is wrong: by name, never by value."""

import os
import sys
from collections.abc import Iterable
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from synckit import failpoints
from synckit.names import PREFIX, PUBLIC_NAMES, check_servers

Item = TypeVar("Item")

SHORTEST_SECRET = 32
"""Bytes, of a key that is written down in another form those of the key."""
PLACEHOLDERS = frozenset({"changeme", "change-me", "secret", "password", "token", "test", "example"})


def _is_not_empty(given: tuple[Item, ...]) -> tuple[Item, ...]:
    if not given:
        raise ValueError("is empty")
    return given


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _secret_is_strong(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if text.lower() in PLACEHOLDERS:
        raise ValueError("is a placeholder, not a secret")
    if len(text.encode()) < SHORTEST_SECRET:
        raise ValueError(f"is shorter than {SHORTEST_SECRET} bytes")
    return secret


def _is_a_postgres_dsn(dsn: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(dsn.get_secret_value().strip())
        known = parts.scheme in {"postgres", "postgresql"} and bool(parts.hostname) and bool(parts.path.strip("/"))
        _ = parts.port
    except ValueError:
        known = False
    if not known:
        raise ValueError("is not of the form postgresql://user:password@host:port/database")
    return SecretStr(dsn.get_secret_value().strip())


def _are_failpoints(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(failpoints.known(one) for one in given)


def _listens(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) >= 2**16:
        raise ValueError("is not of the form host:port")
    return value


NotEmpty = AfterValidator(_is_not_empty)
"""Of a list without which the process does nothing."""
Secret = Annotated[SecretStr, AfterValidator(_secret_is_strong)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""A comma separated list; spaces and line ends around the items do not count."""
Secrets = Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_split)]
"""A comma separated list of secrets: the first is used to sign, all are accepted."""
PostgresDsn = Annotated[SecretStr, AfterValidator(_is_a_postgres_dsn)]
Listen = Annotated[str, AfterValidator(_listens)]


class ServerSettings(BaseSettings):
    """What each long-running process needs, whatever it does."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    environment: Literal["production", "local"] = "production"
    listen: Listen = "127.0.0.1:8080"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    drain_seconds: Annotated[float, Field(ge=0, le=4)] = 0.0
    """How long new requests are still taken after SIGTERM, while readiness is red: until a load balancer knows it."""
    failpoints: Annotated[Names, AfterValidator(_are_failpoints)] = ()

    @model_validator(mode="after")
    def _production_has_no_failpoints(self) -> Self:
        if self.failpoints and self.environment == "production":
            raise ValueError(f"{PREFIX}FAILPOINTS is for tests: it is refused where {PREFIX}ENVIRONMENT is production")
        return self


class ProcessSettings(ServerSettings):
    """What each process that speaks to Kafka needs."""

    kafka_bootstrap_servers: Annotated[str, AfterValidator(check_servers)]
    kafka_replication_factor: Annotated[int, Field(ge=1)] = 3
    kafka_min_insync_replicas: Annotated[int, Field(ge=1)] = 2


Settings = TypeVar("Settings", bound=BaseSettings)


def load(kind: type[Settings]) -> Settings:
    """The settings of this process, or exit code 2 with a line per wrong name; values are never printed."""
    for line in unknown_names(os.environ):
        sys.stderr.write(f"warning: {line}\n")
    try:
        return kind()
    except ValidationError as error:
        sys.stderr.write("".join(f"error: {line}\n" for line in explain(error)))
        raise SystemExit(2) from None


def explain(error: ValidationError) -> list[str]:
    """One sentence a wrong setting: its name and what is wrong, without what was given."""
    return [_explain(detail["loc"], detail["msg"]) for detail in error.errors(include_input=False, include_url=False)]


def _explain(where: tuple[int | str, ...], what: str) -> str:
    said = what.removeprefix("Value error, ")
    return f"{PREFIX}{'.'.join(str(part) for part in where).upper()}: {said}" if where else said


def unknown_names(environment: Iterable[str]) -> list[str]:
    """One sentence for each name that has our prefix and that nothing reads: most likely a typo."""
    strangers = sorted(name for name in environment if name.startswith(PREFIX) and name not in PUBLIC_NAMES)
    return [f"{name} is read by nothing: is it misspelt?" for name in strangers]
