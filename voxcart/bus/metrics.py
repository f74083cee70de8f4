"""Metrics of the bus."""

from prometheus_client import Counter, Gauge, Histogram

PUBLISH_SECONDS = Histogram(
    "voxcart_bus_publish_seconds",
    "Time until the broker acknowledged an event",
    ["topic"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0),
)
PUBLISH_FAILURES_TOTAL = Counter(
    "voxcart_bus_publish_failures_total", "Events the broker did not acknowledge in time", ["topic"]
)
TRANSIT_SECONDS = Histogram(
    "voxcart_bus_transit_seconds",
    "Time from publishing an event to handling it",
    ["topic"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0),
)
HANDLED_TOTAL = Counter("voxcart_bus_handled_total", "Messages handled", ["group", "topic"])
HANDLE_SECONDS = Histogram(
    "voxcart_bus_handle_seconds",
    "Time a handler took for a message, retries included",
    ["group"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0),
)
RETRIES_TOTAL = Counter("voxcart_bus_retries_total", "Times a message was handled again after an error", ["group"])
DEAD_LETTERS_TOTAL = Counter("voxcart_bus_dead_letters_total", "Messages given up", ["group", "topic"])
UNDECODABLE_TOTAL = Counter("voxcart_bus_undecodable_total", "Records that are no envelope", ["topic"])
CALLBACK_FAILURES_TOTAL = Counter(
    "voxcart_bus_callback_failures_total", "Errors raised by the callbacks of broadcast and return readers", ["topic"]
)
IN_FLIGHT = Gauge("voxcart_bus_in_flight", "Messages taken from the broker and not finished", ["group"])
LAG = Gauge("voxcart_bus_lag", "Records between a worker's position and the end of its partitions", ["group"])
COMMIT_FAILURES_TOTAL = Counter("voxcart_bus_commit_failures_total", "Commits the broker did not take", ["group"])
OLDEST_HELD_SECONDS = Gauge(
    "voxcart_bus_oldest_held_seconds", "Age of the oldest message that an utterance worker holds", ["group"]
)
