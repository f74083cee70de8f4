"""Metrics of the recommendation service."""

from prometheus_client import Counter, Gauge, Histogram

DEGRADED_TOTAL = Counter("voxcart_recsys_degraded_total", "Answers without history because the store was away")
EVENTS_TOTAL = Counter(
    "voxcart_recsys_events_total", "Events taken in, by type and whether they were new", ["type", "new"]
)
FRESHNESS_SECONDS = Histogram(
    "voxcart_recsys_freshness_seconds",
    "From when an event was published to when it is in the history",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0),
)
PRODUCTS = Gauge("voxcart_recsys_products", "Products that can be recommended, over all tenants")
