"""W3C ``traceparent`` values: one trace a turn, carried in gRPC metadata and bus headers."""

import re
import secrets

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$")


def new_traceparent() -> str:
    """A new trace (W3C Trace Context level 1, sampled)."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def child_of(traceparent: str | None) -> str:
    """A new span in the same trace; a new trace when the value is absent or malformed."""
    match = _TRACEPARENT.match(traceparent or "")
    return f"00-{match[1]}-{secrets.token_hex(8)}-01" if match else new_traceparent()


def trace_id(traceparent: str | None) -> str:
    """The trace id for logs, empty if there is none."""
    match = _TRACEPARENT.match(traceparent or "")
    return match[1] if match else ""
