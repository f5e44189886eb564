"""Records that can never work, kept with their bytes, headers and reason until somebody redrives or drops them."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from synckit import postgres
from synckit.consumer.batch import Batch, Incoming
from synckit.errors import PoisonError
from synckit.postgres import Connection, Pool, as_json

LONGEST_REASON: Final = 500


async def park(connection: Connection, consumer: str, parked: Sequence[tuple[Incoming, PoisonError]]) -> None:
    """Park these records, in the transaction that records their batch. What is parked already stays as it is."""
    if not parked:
        return
    rows = [_row(consumer, record, error) for record, error in parked]
    await connection.execute(
        """
        INSERT INTO integrations.parked_records
               (consumer, topic, partition, "offset", key, headers, value, reason_code, reason, value_sha256)
        SELECT consumer, topic, partition, "offset", decode(key, 'base64'), headers, decode(value, 'base64'),
               reason_code, reason, value_sha256
          FROM json_to_recordset($1::json)
            AS incoming (consumer text, topic text, partition integer, "offset" bigint, key text, headers jsonb,
                         value text, reason_code text, reason text, value_sha256 text)
         ORDER BY consumer, topic, partition, "offset", value_sha256
        ON CONFLICT (consumer, topic, partition, "offset", value_sha256) DO NOTHING
        """,
        as_json(rows),
    )


async def park_condemned(pool: Pool, consumer: str, batch: Batch) -> None:
    """Park what a batch condemned, for consumers that have nothing else to record."""
    if batch.condemned:
        async with postgres.transaction(pool, "parking.park") as connection:
            await park(connection, consumer, batch.parked)


def _row(consumer: str, record: Incoming, error: PoisonError) -> dict[str, Any]:
    return {
        "consumer": consumer,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": _base64(record.key),
        "headers": {name: _text(value) for name, value in record.headers},
        "value": _base64(record.value),
        "reason_code": error.code,
        "reason": error.reason[:LONGEST_REASON],
        "value_sha256": sha256(record.value or b"").hexdigest(),
    }


def _text(value: bytes) -> Any:
    """The header as text, or as `{"base64": …}` where JSONB could not hold it."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\x00"
    return {"base64": _base64(value)} if "\x00" in text else text


def _base64(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()
