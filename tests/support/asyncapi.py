"""The AsyncAPI 3.0 document of the topics: made from the contracts, for tools that read such documents."""

import json
from collections.abc import Mapping
from typing import Any, Final

from synckit.contracts import headers, values
from synckit.contracts.topics import REFERENCE, TOPICS, WEBHOOKS_COMPANYCAM, WEBHOOKS_SALESFORCE, Cleanup, Topic

OPTIONAL: Final = frozenset(
    {"ce_factversion", "ce_late", "ce_observedat", "ce_spooledat", "ce_vendoreventid", "request"}
)
"""Of the headers, those that not every record has."""
SHAPES: Final = {
    WEBHOOKS_SALESFORCE: ("OutboundNotification", "ChangeEvent", "ApexRecord"),
    WEBHOOKS_COMPANYCAM: ("CompanyCamBody",),
    REFERENCE: ("ReferenceRow",),
}
"""The values of the topics that describe theirs in words; of the others the description is the name of the one."""
VENDORS_OWN: Final = {
    "ChangeEvent": "A change event of one record, its payload and schema as Salesforce sent them.",
    "CompanyCamBody": "The body of the webhook as CompanyCam sent it.",
}
"""Values that have no schema of ours: they stay as the vendor sent them."""


def document(named_headers: Mapping[str, str]) -> str:
    """The whole document as JSON, the same for the same contracts; `named_headers` says what each header holds."""
    text = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Paintbox sync",
            "version": str(headers.MAJOR_VERSION),
            "description": "Generated from synckit.contracts. A topic's name ends in its major version.",
        },
        "defaultContentType": headers.CONTENT_TYPE,
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "components": {
            "messages": {name: _message(name) for topic in TOPICS for name in _names(topic)},
            "schemas": {**_schemas(), "Headers": _headers(named_headers)},
        },
    }
    return json.dumps(text, indent=2, ensure_ascii=False) + "\n"


def _names(topic: Topic) -> tuple[str, ...]:
    return SHAPES.get(topic, (topic.value,))


def _channel(topic: Topic) -> dict[str, Any]:
    tombstone = " A null value erases its key." if topic.cleanup is Cleanup.COMPACT else ""
    kept = {"cleanup.policy": [topic.cleanup.value]}
    days = {"retention.ms": int(topic.config["retention.ms"])} if "retention.ms" in topic.config else {}
    limit = {"max.message.bytes": int(topic.config["max.message.bytes"])}
    return {
        "address": topic.name,
        "description": f"Key: {topic.key}. Value: {topic.value}.{tombstone}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _names(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {**kept, **days, **limit},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _message(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
    }


def _schemas() -> dict[str, Any]:
    ours = sorted({name for topic in TOPICS for name in _names(topic)} - set(VENDORS_OWN))
    schemas = {name: _schema(getattr(values, name)) for name in ours}
    return {**schemas, **{name: {"type": "object", "description": text} for name, text in VENDORS_OWN.items()}}


def _schema(kind: type[values.Contract]) -> dict[str, Any]:
    schema = kind.model_json_schema(mode="serialization")
    nested = schema.pop("$defs", {})
    assert set(nested) <= {"JsonValue"}, "a nested model needs a schema of its own"
    return json.loads(json.dumps(schema).replace('"$ref": "#/$defs/JsonValue"', '"description": "any JSON value"'))  # type: ignore[no-any-return]


def _headers(named: Mapping[str, str]) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": text.replace("`", "")} for name, text in named.items()}
    return {"type": "object", "required": sorted(set(named) - OPTIONAL), "properties": properties}
