"""Metrics of the transducer engine."""

from prometheus_client import Counter, Histogram

BATCH_SIZE = Histogram(
    "voxcart_asr_transducer_batch_size", "Utterances in one encoder step", buckets=(1, 2, 4, 8, 16, 32, 64)
)
UNSPELLED_HOT_WORDS_TOTAL = Counter(
    "voxcart_asr_transducer_unspelled_hot_words_total", "Hot words left out because the model has no tokens for them"
)
