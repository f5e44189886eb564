"""The door that one would write: raw ASGI, an HMAC, one `send_and_wait` a request. It parses nothing."""

import base64
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer

from paintbox.bench.subjects import stage
from paintbox.bench.subjects.serving import serving


def door(producer: AIOKafkaProducer, topic: str, token: bytes) -> Any:
    """The application. Only CompanyCam signs; who knows the path is taken for Salesforce."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        made = base64.b64encode(hmac.digest(token, body, "sha1"))
        given = dict(scope["headers"]).get(b"x-companycam-signature", made)
        if hmac.compare_digest(made, given):
            await producer.send_and_wait(topic, body)
        status = 200 if hmac.compare_digest(made, given) else 401
        headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    return app


@asynccontextmanager
async def prepare(order: stage.Order) -> AsyncIterator[stage.Act]:
    """A producer as it comes, but for acknowledgement by all and idempotence; and the server."""
    producer = AIOKafkaProducer(bootstrap_servers=order["servers"], acks="all", enable_idempotence=True)
    await producer.start()
    try:
        async with serving(door(producer, order["topic"], order["token"].encode()), order["port"]) as act:
            yield act
    finally:
        await producer.stop()


if __name__ == "__main__":
    stage.play(prepare, as_a_service=False)
