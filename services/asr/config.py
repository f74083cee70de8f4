"""Settings of the asr service, read from the environment once at start."""

from __future__ import annotations

from pydantic import Field, model_validator

from voxcart.settings import ServiceSettings
from voxcart_services.asr.recognizer import RecognizerRules
from voxcart_services.asr.turns.endpointing import EndpointRules


class AsrSettings(ServiceSettings):
    """Fields are read from `VOXCART_<FIELD>`, e.g. `VOXCART_ASR_MAX_STREAMS`."""

    asr_model: str = "whisper-base"
    """Name of a Whisper model in the model store."""
    asr_prompt: str = ""
    """Text put before every transcript to bias spelling. Off by default: it costs time and swallows short answers."""
    asr_tail_stride: int = Field(10, ge=1, le=100)
    """Positions (20 ms) of kept silence that one entry stands for. 1 keeps all: slower, closer to the full window."""
    asr_max_streams: int = Field(64, ge=1, le=10_000)
    """Streams open at a time, bus and gRPC together; more are refused with RESOURCE_EXHAUSTED."""
    asr_interim_ms: int = Field(480, ge=160, le=5_000)
    """New speech, in ms, after which an interim result is made."""
    asr_first_checkpoint_ms: int = Field(192, ge=128, le=400)
    """Pause, in ms, at which a turn that sounds finished ends."""
    asr_max_pause_ms: int = Field(800, ge=650, le=3_000)
    """Pause, in ms, that ends a turn whatever it sounds like, unless its text is clearly unfinished."""
    asr_open_pause_ms: int = Field(1_200, ge=650, le=5_000)
    """Pause, in ms, that a turn gets whose text is clearly unfinished (我想买那个)."""
    asr_number_pause_ms: int = Field(1_600, ge=650, le=10_000)
    """Pause, in ms, that an unfinished number or address gets while the dialogue waits for one."""

    @model_validator(mode="after")
    def _pauses_grow(self) -> AsrSettings:
        if not self.asr_max_pause_ms <= self.asr_open_pause_ms <= self.asr_number_pause_ms:
            raise ValueError("asr_max_pause_ms <= asr_open_pause_ms <= asr_number_pause_ms must hold")
        return self

    def rules(self) -> RecognizerRules:
        """The recogniser's rules with these settings."""
        return RecognizerRules(
            endpoint=EndpointRules(
                checkpoints=((self.asr_first_checkpoint_ms, 0.5), (416, 0.25), (640, 0.05)),
                max_pause_ms=self.asr_max_pause_ms,
                open_pause_ms=self.asr_open_pause_ms,
                number_pause_ms=self.asr_number_pause_ms,
            ),
            interim_ms=self.asr_interim_ms,
            prompt=self.asr_prompt,
            max_streams=self.asr_max_streams,
        )
