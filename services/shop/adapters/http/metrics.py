"""Prometheus metrics of the HTTP adapter."""

from prometheus_client import Counter, Gauge, Histogram

from voxcart.telemetry.metrics import LATENCY_BUCKETS_SECONDS

PLATFORM_SECONDS = Histogram(
    "voxcart_shop_platform_seconds",
    "Requests to the shop platform, repeats apart, by call and outcome",
    ["call", "outcome"],
    buckets=LATENCY_BUCKETS_SECONDS,
)
PLATFORM_RETRIES_TOTAL = Counter("voxcart_shop_platform_retries_total", "Requests that were repeated", ["call"])
PLATFORM_FAULTS_TOTAL = Counter(
    "voxcart_shop_platform_faults_total", "Answers of the platform that break its contract", ["call"]
)
PLATFORM_OPEN = Gauge("voxcart_shop_platform_breaker_open", "1 while calls are held back from a platform that is down")
FEED_PRODUCTS_TOTAL = Counter("voxcart_shop_feed_products_total", "Changes of products taken over from the platform")
FEED_FAILURES_TOTAL = Counter("voxcart_shop_feed_failures_total", "Rounds that could not read the platform's changes")
EVENTS_DROPPED_TOTAL = Counter(
    "voxcart_shop_platform_events_dropped_total", "User events given up because the bus was away for long"
)
