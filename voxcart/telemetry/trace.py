"""W3C ``traceparent`` values: one trace a turn, carried in gRPC metadata and bus headers."""

import secrets


def new_traceparent() -> str:
    """A new trace (W3C Trace Context level 1, sampled)."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
