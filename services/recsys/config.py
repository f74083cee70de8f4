"""Settings of the recommendation service."""

from pydantic import Field

from voxcart.settings import ServiceSettings


class RecsysSettings(ServiceSettings):
    """Read from ``VOXCART_RECSYS_<FIELD>`` for the fields below, ``VOXCART_<FIELD>`` for the common ones."""

    recsys_history_events: int = Field(200, ge=10, le=10_000)
    """Events kept per user, newest first. More than a few hundred does not change today's candidates."""
    recsys_seen_events: int = Field(2_000, ge=100, le=100_000)
    """Event ids remembered per user to drop repeats."""
    recsys_pair_window: int = Field(10, ge=1, le=100)
    """How many of a user's earlier distinct products are counted as bought together with a new one."""
    recsys_half_life_days: float = Field(14.0, gt=0)
    """After how many days an event weighs half."""
    recsys_timeout_seconds: float = Field(0.5, gt=0)
    """How long Redis may take before the popular choice is given."""
    recsys_embedding_duty: float = Field(0.25, ge=0.01, le=1.0)
    """Share of the time that embedding new products may take. 600 products take about 50 s at 0.25 on one core."""
