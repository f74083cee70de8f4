"""Metrics of the gateway."""

from prometheus_client import Counter, Gauge, Histogram

from voxcart.telemetry.metrics import LATENCY_BUCKETS_SECONDS

SESSIONS = Gauge("voxcart_gateway_sessions", "Sessions by state", ["state"])
SESSIONS_STARTED_TOTAL = Counter("voxcart_gateway_sessions_started_total", "Sessions begun, by how", ["how"])
SESSIONS_ENDED_TOTAL = Counter("voxcart_gateway_sessions_ended_total", "Sessions ended, by reason", ["reason"])
REFUSED_TOTAL = Counter("voxcart_gateway_refused_total", "Conversations refused, by gRPC status", ["code"])
END_OF_UTTERANCE_DELAY_SECONDS = Histogram(
    "voxcart_gateway_end_of_utterance_delay_seconds",
    "From receiving the end of speech to the final transcript",
    buckets=LATENCY_BUCKETS_SECONDS,
)
TIME_TO_REPLY_SECONDS = Histogram(
    "voxcart_gateway_time_to_reply_seconds",
    "From receiving the end of speech, or typed text, to the reply's text",
    buckets=LATENCY_BUCKETS_SECONDS,
)
TIME_TO_FIRST_AUDIO_SECONDS = Histogram(
    "voxcart_gateway_time_to_first_audio_seconds",
    "From receiving the end of speech, or typed text, to the reply's first audio",
    buckets=LATENCY_BUCKETS_SECONDS,
)
AUDIO_IN_BYTES_TOTAL = Counter("voxcart_gateway_audio_in_bytes_total", "Audio received from clients")
AUDIO_OUT_BYTES_TOTAL = Counter("voxcart_gateway_audio_out_bytes_total", "Audio made for clients")
DUPLICATES_TOTAL = Counter("voxcart_gateway_duplicates_total", "Events from the bus that were seen before")
INTERRUPTS_TOTAL = Counter("voxcart_gateway_interrupts_total", "Replies cut off, by who", ["by"])
TURN_FAILURES_TOTAL = Counter("voxcart_gateway_turn_failures_total", "Turns reported to clients as failed", ["code"])
DROPPED_RESPONSES_TOTAL = Counter(
    "voxcart_gateway_dropped_responses_total", "Responses dropped while the client's connection was lost"
)
PUBLISH_RETRIES_TOTAL = Counter("voxcart_gateway_publish_retries_total", "Times an event had to be published again")
RECORD_FAILURES_TOTAL = Counter("voxcart_gateway_record_failures_total", "Session records that Redis did not take")
