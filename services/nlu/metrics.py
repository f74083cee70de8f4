"""Metrics of the nlu service."""

from prometheus_client import Counter, Gauge, Histogram

UNDERSTAND_SECONDS = Histogram(
    "voxcart_nlu_understand_seconds",
    "Time to understand one utterance, without queueing",
    buckets=(0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 1.0),
)
QUEUE_SECONDS = Histogram(
    "voxcart_nlu_queue_seconds",
    "Time an utterance waited for a worker thread",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0),
)
UTTERANCES_TOTAL = Counter(
    "voxcart_nlu_utterances_total", "Utterances understood, by intent and role", ["intent", "role"]
)
CONFIDENCE = Histogram(
    "voxcart_nlu_confidence",
    "Confidence of the chosen intent",
    buckets=(0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0),
)
FAILURES_TOTAL = Counter("voxcart_nlu_failures_total", "Utterances that failed inside the engine and went out of scope")
REFUSED_TOTAL = Counter("voxcart_nlu_refused_total", "Requests refused because the queue was full")
CATALOGUE_PRODUCTS = Gauge("voxcart_nlu_catalogue_products", "Products in the gazetteers of all tenants")
GAZETTEER_BUILD_SECONDS = Histogram(
    "voxcart_nlu_gazetteer_build_seconds",
    "Time to rebuild a tenant's gazetteer",
    buckets=(0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
)
