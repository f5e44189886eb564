"""The processes of ours that the stack runs, a row each: a new service is a row here, and its name in URLs."""

import sys
from dataclasses import dataclass, replace
from typing import Final

import httpx

from paintbox.databases import Database
from paintbox.environment import parse
from paintbox.stack import probes
from paintbox.stack.code import digest
from paintbox.stack.environments import Uses, private, url
from paintbox.stack.layout import Layout, replicas
from paintbox.stack.programs import Program
from paintbox.stack.stacks import Stack

ANSWER_SECONDS: Final = 10.0
"""More than `paintbox status` gives anything, so that a process on a busy machine is not taken for one that is away."""


@dataclass(frozen=True, slots=True)
class Service:
    """A process of ours: its module, run with these words, what it is given, and which parts must be up before it."""

    name: str
    module: str
    needs: tuple[str, ...]
    uses: Uses
    words: tuple[str, ...] = ()


SIMULATORS: Final = (
    Service("salesforce", "simulators", (), Uses(), ("salesforce",)),
    Service("companycam", "simulators", (), Uses(), ("companycam",)),
)

KAFKA: Final = (
    "PAINTBOX_KAFKA_BOOTSTRAP_SERVERS",
    "PAINTBOX_KAFKA_REPLICATION_FACTOR",
    "PAINTBOX_KAFKA_MIN_INSYNC_REPLICAS",
)
READY_TO_SERVE: Final = ("topics", "logins", "configuration")

SERVICES: Final = (
    Service(
        "webhook-ingest",
        "webhook_ingest",
        READY_TO_SERVE,
        Uses(
            login="webhook_ingest",
            databases=(Database.INTEGRATIONS,),
            names=(
                *KAFKA,
                "PAINTBOX_SALESFORCE_ORGANIZATION_IDS",
                "PAINTBOX_SALESFORCE_ENDPOINT_TOKENS",
                "PAINTBOX_SALESFORCE_WEBHOOK_SECRETS",
                "PAINTBOX_SALESFORCE_BEARER_TOKENS",
                "PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS",
            ),
        ),
    ),
    Service(
        "webhook-log",
        "webhook_ingest.log",
        READY_TO_SERVE,
        Uses(
            login="webhook_log",
            databases=(Database.INTEGRATIONS,),
            names=(*KAFKA, "PAINTBOX_SALESFORCE_ORGANIZATION_IDS"),
        ),
    ),
    Service(
        "customer-sync",
        "customer_sync",
        READY_TO_SERVE,
        Uses(
            login="customer_sync",
            databases=(Database.CUSTOMERS, Database.INTEGRATIONS),
            names=(*KAFKA, "PAINTBOX_SERVICE_TOKENS"),
        ),
    ),
    Service(
        "photo-sync",
        "photo_sync",
        READY_TO_SERVE,
        Uses(
            login="photo_sync",
            databases=(Database.PROJECTS, Database.INTEGRATIONS),
            names=(*KAFKA, "PAINTBOX_SERVICE_TOKENS"),
        ),
    ),
)


def services_of(layout: Layout) -> list[Service]:
    """The services, each as often as it runs."""
    return [replace(service, name=name) for service in SERVICES for name in replicas(service.name, layout)]


def program(stack: Stack, service: Service) -> Program:
    """The service as a program of the stack: ready where its /readyz says so, given its own file of settings."""
    address = url(stack.kept, service.name)
    given = (stack.places.environments / service.name).read_text(encoding="utf-8")

    async def missing() -> str | None:
        return await unready(address)

    return Program(
        name=service.name,
        arguments=("-P", "-m", service.module, *service.words),
        environment=parse(given),
        folder=stack.places.logs,
        prepare=lambda: sys.executable,
        missing=missing,
        code=digest(service.module.partition(".")[0], "synckit"),
    )


def settings(stack: Stack) -> dict[str, dict[str, str]]:
    """The values of each process's file, by its name."""
    everyone = (*SIMULATORS, *services_of(stack.kept.layout))
    values = {service.name: private(stack.kept, service.name, service.uses) for service in everyone}
    for service in SIMULATORS:
        values[service.name]["PAINTBOX_SIMULATOR_DIRECTORY"] = str(stack.places.simulators)
    return values


async def unready(url: str) -> str | None:
    """None where the process at this URL says that it is ready, else what it lacks. No proxy is ever asked."""
    try:
        async with probes.client(url, ANSWER_SECONDS) as client:
            answer = await client.get(f"{url}/readyz")
    except httpx.HTTPError as error:
        return f"no answer ({type(error).__name__})"
    if answer.status_code == httpx.codes.OK:
        return None
    return _lacks(answer)


def _lacks(answer: httpx.Response) -> str:
    """`{"missing": {"kafka": "does not answer"}}` as a person reads it."""
    try:
        missing = answer.json()["missing"]
        return ", ".join(f"{name}: {what}" for name, what in missing.items())
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"/readyz answers {answer.status_code}"
