"""Prometheus metrics of the speech synthesis service."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.3, 1.7, 2.5, 4.0, 8.0)

TIME_TO_FIRST_AUDIO_SECONDS = Histogram(
    "voxcart_tts_time_to_first_audio_seconds",
    "From the request or reply to its first audio, by where it came from",
    ["source"],
    buckets=_SECONDS,
)
SYNTHESIS_SECONDS = Histogram(
    "voxcart_tts_synthesis_seconds", "Time to make one clause, without waiting", ["stage"], buckets=_SECONDS
)
RTF = Histogram(
    "voxcart_tts_rtf",
    "Synthesis time of a clause per second of its audio",
    buckets=(0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0),
)
QUEUE_SECONDS = Histogram(
    "voxcart_tts_queue_seconds", "Time a piece of work waited for the synthesis thread", ["kind"], buckets=_SECONDS
)
QUEUE_LENGTH = Gauge("voxcart_tts_queue_length", "Pieces of work that wait for the synthesis thread")
AUDIO_SECONDS_TOTAL = Counter("voxcart_tts_audio_seconds_total", "Audio handed out, pauses included")
CHARACTERS_TOTAL = Counter("voxcart_tts_characters_total", "Characters of text spoken")
CACHE_TOTAL = Counter("voxcart_tts_cache_total", "Phrase cache look-ups", ["result"])
CACHE_FAILURES_TOTAL = Counter("voxcart_tts_cache_failures_total", "Phrase cache calls that failed", ["operation"])
UNKNOWN_PHONEMES_TOTAL = Counter(
    "voxcart_tts_unknown_phonemes_total", "Phonemes or symbols left out because the model does not know them"
)
SKIPPED_CHARACTERS_TOTAL = Counter(
    "voxcart_tts_skipped_characters_total", "Letters of scripts that no voice can say, left out"
)
LEXICON_REFUSALS_TOTAL = Counter(
    "voxcart_tts_lexicon_refusals_total", "Pronunciations in product attributes that were not understood"
)
GRAMMAR_REFUSALS_TOTAL = Counter(
    "voxcart_tts_grammar_refusals_total", "Clauses whose numbers were read word by word, refused by the grammar"
)
REPLIES_TOTAL = Counter("voxcart_tts_replies_total", "Replies spoken on the bus, by how they ended", ["outcome"])
PREFETCHED_TOTAL = Counter("voxcart_tts_prefetched_total", "Phrases synthesised beforehand")
