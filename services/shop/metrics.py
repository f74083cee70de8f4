"""Prometheus metrics of the shop."""

from prometheus_client import Counter, Gauge, Histogram

from voxcart.telemetry.metrics import LATENCY_BUCKETS_SECONDS

SEARCH_SECONDS = Histogram(
    "voxcart_shop_search_seconds",
    "Product search by the way the result was found",
    ["route"],
    buckets=LATENCY_BUCKETS_SECONDS,
)
SEARCH_PENDING = Gauge("voxcart_shop_search_pending", "Products whose embedding was waited for when last looked at")
SEARCH_EMBEDDED_TOTAL = Counter("voxcart_shop_search_embedded_total", "Products embedded after a change")
EFFECTS_TOTAL = Counter("voxcart_shop_effects_total", "Changes by operation and outcome", ["operation", "outcome"])
TRANSACTION_RETRIES_TOTAL = Counter(
    "voxcart_shop_transaction_retries_total", "Transactions run again after a deadlock or a lost connection"
)
OUTBOX_PUBLISHED_TOTAL = Counter("voxcart_shop_outbox_published_total", "Events that left the outbox", ["topic"])
OUTBOX_FAILURES_TOTAL = Counter("voxcart_shop_outbox_failures_total", "Rounds that could not reach the bus or database")
OUTBOX_PENDING = Gauge("voxcart_shop_outbox_pending", "Events in the outbox when it was last looked at")
PAYMENTS_TOTAL = Counter("voxcart_shop_payments_total", "Payments by outcome", ["outcome"])
WEBHOOKS_TOTAL = Counter(
    "voxcart_shop_webhooks_total", "Messages of payment company and carriers by outcome", ["source", "outcome"]
)
SANDBOX_WEBHOOKS_TOTAL = Counter(
    "voxcart_shop_sandbox_webhooks_total", "Webhooks that the sandbox payment company posted, by outcome", ["outcome"]
)
SWEPT_TOTAL = Counter("voxcart_shop_swept_total", "Things that the settlement finished, by kind", ["kind"])
