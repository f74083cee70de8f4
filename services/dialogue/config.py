"""Settings of the dialogue service."""

from pydantic import Field

from voxcart.settings import ServiceSettings


class DialogueSettings(ServiceSettings):
    """Read from ``VOXCART_<FIELD>``; see :class:`voxcart.settings.ServiceSettings` for what all services share."""

    dialogue_state_ttl_seconds: int = Field(86_400, ge=60)
    """How long a session that says nothing is remembered, seconds. A day: a cart talk may go on after a night."""
    dialogue_turn_seconds: float = Field(3.0, gt=0, le=30)
    """Time that one turn may wait for the shop and the recommender, seconds. After it a sentence says so."""
    dialogue_min_confidence: float = Field(0.35, ge=0, le=1)
    """Below this confidence a change is confirmed first and an unclear request is asked about. 0 switches it off."""
    dialogue_retry_seconds: float = Field(20.0, ge=0, le=300)
    """How long an understanding from the bus is tried again while Redis is away, before the client is told, seconds."""
