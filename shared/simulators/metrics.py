"""What a simulator counts."""

from prometheus_client import Counter, Gauge

ATTEMPTS = Counter(
    "paintbox_simulator_attempts_total",
    "Tries to deliver, by what came of them: accepted, refused (another answer than the vendor takes for a success), "
    "unanswered (no connection, or no answer in time)",
    ["form", "outcome"],
)
WAITING = Gauge("paintbox_simulator_waiting_deliveries", "Deliveries that wait for their first or next try")
CALLS = Counter("paintbox_simulator_calls_total", "Requests to the vendor's own API, by status", ["status"])
