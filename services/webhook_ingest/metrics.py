"""The metrics of the doors and of the webhook log."""

from prometheus_client import Counter, Gauge, Histogram

from synckit.observability.metrics import SECONDS

DOORS = ("salesforce_messages", "salesforce_events", "companycam")

RECEIVED = Counter("paintbox_webhook_requests_total", "Requests at a door, whatever became of them", ["door"])
ACCEPTED = Counter(
    "paintbox_webhook_records_total",
    "Records that are kept, in Kafka or in the spool, by what they are: accepted (understood), quarantined "
    "(authenticated, kept raw)",
    ["door", "outcome"],
)
REJECTED = Counter(
    "paintbox_webhook_rejected_total",
    "Requests that were refused, by reason: invalid_signature, stale_timestamp, unknown_organization, wrong_token "
    "(path), no_bearer; method_not_allowed; body_too_large, body_too_slow, unsupported_encoding; of SOAP xml_dtd, "
    "not_well_formed, wrong_encoding, wrong_soap_version, wrong_root, too_deep, tags_too_long; rate_limited "
    "(the sender's address sends too much), too_busy (all senders together do), unavailable (neither Kafka nor the "
    "spool could keep it in time)",
    ["door", "reason"],
)
QUARANTINED = Counter(
    "paintbox_webhook_quarantined_total",
    "Parts of bodies that were authenticated and not understood, by the parser's reason",
    ["door", "reason"],
)
ANSWER_SECONDS = Histogram(
    "paintbox_webhook_answer_seconds", "Seconds from a request's first byte to its answer", ["door"], buckets=SECONDS
)

SPOOLED = Counter("paintbox_webhook_spooled_total", "Records that a door wrote to the spool instead of Kafka", ["door"])
CIRCUIT = Gauge(
    "paintbox_webhook_circuit",
    "What a door does about Kafka: 0 sends to it, 1 tries it with one request, 2 goes past it (Kafka is away)",
)
IN_FLIGHT = Gauge("paintbox_webhook_requests_in_flight", "Requests that are being answered")
IN_FLIGHT_BYTES = Gauge(
    "paintbox_webhook_bytes_in_flight", "Bytes that have arrived of the bodies of requests that are being answered"
)

SPOOL_ROWS = Gauge(
    "paintbox_spool_rows", "Records that wait in the spool for Kafka, every 5 s; above 10,000 at most so many"
)
SPOOL_AGE = Gauge(
    "paintbox_spool_oldest_seconds", "Age of the oldest record that waits in the spool, 0 where none does"
)
SPOOL_SENT = Counter("paintbox_spool_sent_total", "Records of the spool that Kafka has, and that were deleted from it")
SPOOL_REFUSED = Counter(
    "paintbox_spool_refused_total", "Times that Kafka refused a record of the spool for what it is; it stays there"
)
