"""Metrics of the asr service."""

from prometheus_client import Counter, Gauge, Histogram

_BUCKETS_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.5, 5.0)

OPEN_STREAMS = Gauge("voxcart_asr_open_streams", "Recognition streams that are open now")
QUEUE_LENGTH = Gauge("voxcart_asr_decode_queue_length", "Utterances that wait for the recognition model")
QUEUE_SECONDS = Histogram(
    "voxcart_asr_decode_queue_seconds", "Wait for the recognition model", buckets=_BUCKETS_SECONDS
)
ENCODE_SECONDS = Histogram("voxcart_asr_encode_seconds", "Encoder run of an utterance", buckets=_BUCKETS_SECONDS)
DECODE_SECONDS = Histogram("voxcart_asr_decode_seconds", "Decoder runs of an utterance", buckets=_BUCKETS_SECONDS)
TURN_SECONDS = Histogram("voxcart_asr_turn_model_seconds", "smart-turn run", buckets=_BUCKETS_SECONDS)
FINAL_DELAY_SECONDS = Histogram(
    "voxcart_asr_end_of_utterance_delay_seconds",
    "Pause in the audio at which a turn was taken as over",
    buckets=(0.1, 0.2, 0.3, 0.45, 0.65, 0.85, 1.0, 1.3, 1.7, 2.5),
)
FINAL_WAIT_SECONDS = Histogram(
    "voxcart_asr_final_wait_seconds",
    "Time that a stream waited at a checkpoint or at the end for recognition that was begun at the pause",
    buckets=_BUCKETS_SECONDS,
)
UTTERANCES_TOTAL = Counter(
    "voxcart_asr_utterances_total", "Utterances by outcome: text, no_words, background, failed", ["outcome"]
)
LLM_CORRECTIONS_TOTAL = Counter(
    "voxcart_asr_llm_corrections_total",
    "Finals shown to the language model by outcome: corrected, unchanged, rejected, timeout, error, skipped",
    ["outcome"],
)
INTERIMS_SKIPPED_TOTAL = Counter("voxcart_asr_interims_skipped_total", "Interims left out because the engine was busy")
INTERIM_WORDS_TOTAL = Counter("voxcart_asr_interim_words_total", "Words (Han characters) first shown by an interim")
INTERIM_WORDS_RETRACTED_TOTAL = Counter(
    "voxcart_asr_interim_words_retracted_total", "Words shown by an interim that a later result took back"
)
SPECULATIVE_DROPPED_TOTAL = Counter(
    "voxcart_asr_speculative_dropped_total", "Recognitions started at a pause after which speech went on"
)
