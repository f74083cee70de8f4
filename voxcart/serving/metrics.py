"""Metrics of model serving, labelled by model id or batcher name (both fixed in code, so labels are bounded)."""

from prometheus_client import Counter, Gauge, Histogram

MODEL_LOAD_SECONDS = Gauge("voxcart_model_load_seconds", "Time to load a model and warm it up", ["model", "provider"])
PROVIDER_FALLBACKS_TOTAL = Counter(
    "voxcart_provider_fallbacks_total", "Providers that 'auto' tried and could not use", ["model", "provider"]
)
BATCH_SIZE = Histogram(
    "voxcart_batch_size", "Items per batch", ["batcher"], buckets=(1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
)
QUEUE_WAIT_SECONDS = Histogram(
    "voxcart_batch_queue_wait_seconds",
    "From submission to the start of computing",
    ["batcher"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
)
COMPUTE_SECONDS = Histogram(
    "voxcart_batch_compute_seconds",
    "Time to compute one batch",
    ["batcher"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0),
)
QUEUE_DEPTH = Gauge("voxcart_batch_queue_depth", "Items that wait for a batch", ["batcher"])
REJECTED_TOTAL = Counter(
    "voxcart_batch_rejected_total",
    "Items that got no result, by reason: overloaded, deadline, cancelled, error, closed",
    ["batcher", "reason"],
)
