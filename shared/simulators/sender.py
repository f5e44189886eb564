"""The loop that delivers: concurrently, each record's deliveries in order, again where the vendor would try again."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Final

import httpx

from simulators import deliveries, metrics, subscriptions
from simulators.deliveries import Attempt, Delivery, Queued
from simulators.faults import find_faults
from simulators.lanes import Lanes
from simulators.records import find_records
from simulators.storage import Connection, transaction
from simulators.subscriptions import Subscription
from simulators.vendor import Form, Outgoing, Retry, Sending

log = logging.getLogger(__name__)

CONNECTIONS: Final = 16
"""How many requests are under way at once. Each has a client of its own: one client's pool looks at all of its
connections for every request, and with 16 of them was half as fast."""
_FAILURES: Final = (httpx.HTTPError, AttributeError)
"""AttributeError: where the peer dies in the moment of connecting, anyio asks a socket that is gone for its name."""
LIMITS: Final = httpx.Limits(keepalive_expiry=2.0)
"""A door closes a connection that was idle for 5 s, perhaps in the moment in which it would be used again."""
PATIENT: Final = Retry(longest_seconds=4.0)
"""How a vendor tries again under the fault `patient`."""


class Sender:
    """Sends whatever waits, from start to `stop`. What it owes is in the file; what it knows is only the order."""

    def __init__(self, connection: Connection, forms: Sequence[Form], first_retry_seconds: float) -> None:
        self._connection = connection
        self._forms = {form.name: form for form in forms}
        self._first_retry_seconds = first_retry_seconds
        self._lanes = Lanes({form.name: form.size for form in forms})
        self._idle: list[httpx.AsyncClient] = []
        self._wake = asyncio.Event()
        self._stopping = False
        self.add(deliveries.list_queued(connection))

    def add(self, queued: Iterable[Queued]) -> None:
        """Takes in deliveries whose rows are committed."""
        for each in queued:
            self._lanes.add(each)
            metrics.WAITING.inc()
        self._wake.set()

    def stop(self) -> None:
        """Lets `run` return when what is under way has ended."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Delivers until `stop`; what is under way when it is cancelled is sent again by the next run."""
        async with AsyncExitStack() as clients, asyncio.TaskGroup() as under_way:
            trusted = httpx.create_ssl_context(trust_env=False)  # takes 0.1 s, so it is made once
            for _ in range(CONNECTIONS):
                client = httpx.AsyncClient(verify=trusted, trust_env=False, follow_redirects=False, limits=LIMITS)
                self._idle.append(await clients.enter_async_context(client))
            while not self._stopping:
                self._wake.clear()
                self._lanes.release(time.time())
                while self._idle and (taken := self._lanes.take()):
                    under_way.create_task(self._deliver(self._idle.pop(), taken))
                await self._pause()

    async def _pause(self) -> None:
        due = self._lanes.next_due()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(due - time.time(), 0)):
                await self._wake.wait()

    async def _deliver(self, client: httpx.AsyncClient, taken: Sequence[Queued]) -> None:
        try:
            subscription = subscriptions.find_subscription(self._connection, taken[0].subscription)
            if subscription is None or not subscription.enabled:
                deliveries.mark_given_up(self._connection, taken[0].subscription)
            elif waiting := self._waiting(taken):
                await self._attempt(client, subscription, waiting)
        finally:
            self._lanes.done(taken)
            metrics.WAITING.dec(len(taken))
            self._idle.append(client)
            self._wake.set()

    def _waiting(self, taken: Sequence[Queued]) -> list[Delivery]:
        """What of it is still owed; what has become too old is given up."""
        form = self._patient(self._forms[taken[0].form])
        waiting = deliveries.find_pending(self._connection, [each.seq for each in taken])
        expired = [each for each in waiting if form.retry.is_expired(each.created, time.time())]
        for each in expired:
            deliveries.mark_attempted(self._connection, replace(each, state="failed"))
        return [each for each in waiting if each not in expired]

    async def _attempt(self, client: httpx.AsyncClient, subscription: Subscription, waiting: list[Delivery]) -> None:
        form = self._patient(self._forms[waiting[0].message.form])
        outgoing = form.compose(self._sending(subscription, waiting), waiting)
        attempt = await _post(client, form, str(subscription.options["url"]), outgoing)
        with transaction(self._connection):
            if outgoing.body != waiting[0].message.content:
                deliveries.insert_body(self._connection, outgoing.body, attempt.sha256)
            is_live = self._note(subscription, form, attempt)
            attempted = [self._outcome(form, each, attempt, is_live=is_live) for each in waiting]
            for each in attempted:
                deliveries.mark_attempted(self._connection, each)
        self.add(_queued_again(each) for each in attempted if each.state == "pending")

    def _patient(self, form: Form) -> Form:
        """The form as it is tried now: the vendor's own, unless it is told to be patient."""
        if not find_faults(self._connection).patient:
            return form
        return replace(form, retry=PATIENT, most_errors=None)

    def _sending(self, subscription: Subscription, waiting: Sequence[Delivery]) -> Sending:
        object_name = waiting[0].message.object
        ids = [record for each in waiting for record in each.message.records]
        return Sending(
            subscription,
            now=time.time(),
            faults=find_faults(self._connection),
            latest=lambda: find_records(self._connection, object_name, ids),
        )

    def _note(self, subscription: Subscription, form: Form, attempt: Attempt) -> bool:
        """Notes success or error; whether the subscription is still there and enabled."""
        if attempt.error is None:
            subscriptions.mark_answered(self._connection, subscription.id)
        elif subscriptions.mark_failed(self._connection, subscription.id, form.most_errors):
            deliveries.mark_given_up(self._connection, subscription.id)
            log.warning("A subscription was disabled: too many errors", extra={"subscription": subscription.id})
        now = subscriptions.find_subscription(self._connection, subscription.id)
        return now is not None and now.enabled

    def _outcome(self, form: Form, delivery: Delivery, attempt: Attempt, *, is_live: bool) -> Delivery:
        tried = replace(delivery, attempts=(*delivery.attempts, attempt), sha256=attempt.sha256)
        if attempt.error is None:
            return replace(tried, state="delivered")
        due = form.retry.next_due(self._first_retry_seconds, len(tried.attempts), tried.created, time.time())
        return replace(tried, state="failed") if due is None or not is_live else replace(tried, due=due)


def _queued_again(delivery: Delivery) -> Queued:
    message = delivery.message
    return Queued(delivery.seq, message.subscription, message.form, message.records, delivery.due)


async def _post(client: httpx.AsyncClient, form: Form, url: str, outgoing: Outgoing) -> Attempt:
    at, started = time.time(), time.perf_counter()
    status: int | None = None
    error: str | None = None
    retry_after: str | None = None
    try:
        answer = await client.post(url, content=outgoing.body, headers=outgoing.headers, timeout=form.timeout_seconds)
    except _FAILURES as failure:
        error = type(failure).__name__
    else:
        status, retry_after = answer.status_code, answer.headers.get("retry-after")
        error = None if form.is_success(status, answer.content) else "refused"
    outcome = "accepted" if error is None else "unanswered" if status is None else "refused"
    metrics.ATTEMPTS.labels(form.name, outcome).inc()
    seconds = round(time.perf_counter() - started, 4)
    return Attempt(at, seconds, status, error, retry_after, hashlib.sha256(outgoing.body).hexdigest())
