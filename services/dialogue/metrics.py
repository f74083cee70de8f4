"""Metrics of the dialogue service."""

from prometheus_client import Counter, Histogram

from voxcart.telemetry.metrics import LATENCY_BUCKETS_SECONDS

TURN_SECONDS = Histogram(
    "voxcart_dialogue_turn_seconds",
    "Time from an understanding to its stored reply, by intent",
    ["intent"],
    buckets=LATENCY_BUCKETS_SECONDS,
)
TURNS_TOTAL = Counter(
    "voxcart_dialogue_turns_total",
    "Turns by intent and how they went: answered, asked, replayed, refused, shop_away, failed",
    ["intent", "result"],
)
STATE_CONFLICTS_TOTAL = Counter("voxcart_dialogue_state_conflicts_total", "Turns begun again after another writer")
EFFECTS_TOTAL = Counter("voxcart_dialogue_effects_total", "Changes asked of the shop", ["action", "status"])
CALL_SECONDS = Histogram(
    "voxcart_dialogue_call_seconds",
    "Time of one call to another service",
    ["service", "rpc"],
    buckets=LATENCY_BUCKETS_SECONDS,
)
CALL_RETRIES_TOTAL = Counter("voxcart_dialogue_call_retries_total", "Calls tried again", ["service", "rpc"])
TURNS_GIVEN_UP_TOTAL = Counter("voxcart_dialogue_turns_given_up_total", "Turns that were answered with TurnFailed")
