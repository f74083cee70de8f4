"""Settings of the nlu service."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from voxcart.settings import ServiceSettings


class NluSettings(ServiceSettings):
    """Read from ``VOXCART_...``; see :class:`voxcart.settings.ServiceSettings` for the common ones."""

    model_config = SettingsConfigDict(env_prefix="VOXCART_", frozen=True, extra="ignore")

    nlu_encoder_threads: int = Field(1, ge=1, le=64)
    """Threads of the sentence encoder. One sentence is too small to gain much from more."""
    nlu_workers: int = Field(2, ge=1, le=64)
    """Utterances that are understood at the same time; each takes a thread of the service's own pool."""
    nlu_queue_size: int = Field(64, ge=1, le=10_000)
    """gRPC requests that may wait for a worker; one more is refused with RESOURCE_EXHAUSTED."""
    nlu_scope_threshold: float = Field(0.4, ge=0.0, le=1.0)
    """Probability of the best intent below which an utterance is called out of scope."""

    @property
    def encoder_threads(self) -> int:
        """Threads of the sentence encoder."""
        return self.nlu_encoder_threads

    @property
    def scope_threshold(self) -> float:
        """Probability below which an utterance is out of scope."""
        return self.nlu_scope_threshold
