"""The metrics that every process has. Labels come from closed sets; the help text says what each value means."""

from importlib.metadata import version

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Info, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)

BUILD = Info("paintbox_build", "Version of the software that this process runs", ["process"])

LOG_LINES_DROPPED = Counter(
    "paintbox_log_lines_dropped_total", "Log lines that nobody read in time: whoever reads standard output hangs"
)
HTTP_REFUSED = Counter(
    "paintbox_http_refused_total",
    "Connections that were refused before a route had a request, by the answer's code: service_unavailable (there are "
    "too many), request_timeout (the headers did not come), request_header_fields_too_large, bad_request (no HTTP)",
    ["reason"],
)

BATCH_RECORDS = Histogram("paintbox_batch_records", "Records of a consumed batch", ["topic"], buckets=SIZES)
BATCH_SECONDS = Histogram(
    "paintbox_batch_seconds",
    "Seconds from a batch's arrival to the commit of its offsets, waits for what was away included",
    ["topic"],
    buckets=SECONDS,
)
RECORDS = Counter(
    "paintbox_records_total",
    "Records by what became of them: applied, parked (it can never work), abandoned (given up on a rebalance or at "
    "shutdown before their offsets were committed; read again)",
    ["topic", "outcome"],
)
CONSUMER_LAG = Gauge(
    "paintbox_consumer_lag_records",
    "Records of a partition behind its end that this consumer has not committed yet; of all partitions while it is out "
    "of its group, so ask for the greatest by partition",
    ["topic", "partition"],
)
CONSUMER_WAITING = Gauge(
    "paintbox_consumer_waiting_seconds",
    "For how long a consumer has been trying the same batch again because something it needs is away; 0 when it is not",
    ["topic"],
)
CONSUMER_STOPPED = Gauge(
    "paintbox_consumer_stopped",
    "1 where a consumer stopped because of a bug (until the process is restarted) or of an alarm, or cannot read what "
    "Kafka gives (until it can), 0 where not",
    ["topic"],
)
CONSUMER_LOSSES = Counter(
    "paintbox_consumer_client_losses_total",
    "Clients of a consumer that failed and were replaced: it read again from its committed offsets",
    ["topic"],
)
CONSUMER_UNREAD = Counter(
    "paintbox_consumer_deleted_unread_total",
    "Offsets of records that Kafka deleted (retention, or somebody) before this consumer read them",
    ["topic"],
)
CONSUMER_ALARM = Gauge(
    "paintbox_consumer_alarm",
    "1 where too many records were parked within a minute, until `paintbox parked resume` clears it; 0 where not",
    ["topic"],
)
REDRIVEN = Counter(
    "paintbox_redriven_total",
    "Parked records that were put through again: applied, or failed (parked again, one attempt more)",
    ["topic", "outcome"],
)
REDRIVE_WAITING = Gauge(
    "paintbox_redrive_waiting_seconds",
    "For how long parked records that are put through again have been tried because something that they need is away; "
    "0 when none are",
    ["topic"],
)
CHANGE_TO_ROW_SECONDS = Histogram(
    "paintbox_change_to_row_seconds",
    "Seconds from the vendor's change (by the vendor's clock) to the committed row",
    ["entity"],
    buckets=SECONDS,
)
WEBHOOK_TO_ROW_SECONDS = Histogram(
    "paintbox_webhook_to_row_seconds",
    "Seconds from the first receipt to the committed row",
    ["entity"],
    buckets=SECONDS,
)
WEBHOOK_TO_KEY_SECONDS = Histogram(
    "paintbox_webhook_to_key_seconds",
    "Seconds from the first receipt of the webhook that led to a federation key to its row at the other service",
    ["external_service"],
    buckets=SECONDS,
)
DOUBTS = Counter(
    "paintbox_merge_doubts_total",
    "Merges that asked for the record to be read again, by reason: same_second, same_version, outdated_read, "
    "pushed_but_deleted, no_version, hidden_change (an event that changed more than it shows); or that were not merged "
    "at all: implausible_time, fragment (of a record that was never seen whole), without_data, only_old, gap_create, "
    "gap_update, gap_delete, gap_undelete, gap_overflow, wildcard, unknown_change, project_merged, contact_changed",
    ["reason"],
)
DUPLICATES = Counter("paintbox_duplicate_deliveries_total", "Deliveries whose event id had been seen before", ["topic"])
PROJECTED = Counter(
    "paintbox_projected_total",
    "Domain rows by what a projection did to them: written, unchanged, refused (by the database)",
    ["entity", "outcome"],
)
FAN_OUTS = Gauge(
    "paintbox_projection_fan_outs",
    "Changes whose rows are being written beside the batches: beyond a thousand, or since no batch waits for them",
)
FAN_OUT_WAITING = Gauge(
    "paintbox_projection_fan_out_waiting_seconds",
    "For how long one of them has been tried again, of the one that waits longest; 0 where none does",
)
HELD = Gauge(
    "paintbox_held_records",
    "Records that wait in the mirror, by what they wait for: customer (nobody matches), choice (more than one "
    "matches), project (of a photo)",
    ["entity", "waits_for"],
)
REFUSED = Gauge(
    "paintbox_refused_rows",
    "Rows that the database refuses, by the vendor's record that they are of; tried again once a minute",
    ["entity"],
)
OUTBOX_ROWS = Gauge("paintbox_outbox_rows", "Rows that wait to be published; above 10,000 at most so many", ["outbox"])
OUTBOX_AGE = Gauge("paintbox_outbox_oldest_seconds", "Age of the oldest row that waits to be published", ["outbox"])
OUTBOX_PUBLISHED = Counter("paintbox_outbox_published_total", "Rows published and deleted", ["outbox"])
OUTBOX_REFUSED = Counter("paintbox_outbox_refused_total", "Rows that are too large for Kafka, set aside", ["outbox"])
RELAY_LEADER = Gauge(
    "paintbox_outbox_relay_leader", "1 where this process publishes the outbox, 0 where another does", ["outbox"]
)


def started(process: str) -> None:
    """Notes which build runs."""
    BUILD.labels(process).info({"version": version("paintbox-sync")})


def exposition() -> bytes:
    """All metrics of this process in Prometheus' text format."""
    return generate_latest(REGISTRY)
