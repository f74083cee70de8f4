"""Settings of the asr service, read from the environment once at start."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from voxcart.settings import ServiceSettings
from voxcart_services.asr.recognizer import RecognizerRules
from voxcart_services.asr.text.llm import LlmSettings
from voxcart_services.asr.turns.rules import TurnOverrides, TurnRules


class AsrSettings(ServiceSettings):
    """Fields are read from `VOXCART_<FIELD>`, e.g. `VOXCART_ASR_MAX_STREAMS`."""

    max_message_bytes: int = Field(12 * 1024 * 1024, ge=64 * 1024)
    """Largest gRPC message that is accepted: a recording of 60 s at 48 kHz with two channels fits."""

    asr_engine: Literal["whisper", "transducer"] = "whisper"
    """What recognises: `whisper`, or `transducer` (streaming Zipformer in the icefall layout)."""
    asr_model: str = "whisper-base"
    """Name of a model of that engine in the model store; for `transducer` a folder is taken as well."""
    asr_prompt: str = Field("", max_length=400)
    """Text put before every transcript to bias spelling. Off by default: it costs time and swallows short answers."""
    asr_tail_stride: int = Field(10, ge=1, le=100)
    """Positions (20 ms) of kept silence that one entry stands for. 1 keeps all: slower, closer to the full window."""
    asr_full_window: bool = False
    """Encode 30 s for every utterance, as Whisper was trained, instead of the audio with the kept silence: slow."""
    asr_max_batch: int | None = Field(None, ge=1, le=256)
    """Utterances decoded together; absent means what suits the provider."""
    asr_beam_size: int = Field(5, ge=2, le=16)
    """Hypotheses followed where the engine searches with a beam: for unsure finals, alternatives and hot words."""
    asr_max_streams: int = Field(256, ge=1, le=10_000)
    """Streams open at a time, bus and gRPC together; more are refused with RESOURCE_EXHAUSTED."""
    asr_interim_ms: int = Field(480, ge=160, le=5_000)
    """New speech, in ms, after which an interim result is made when there is time."""
    asr_word_times: bool = False
    """Whether finals on the bus carry words with times; calls over gRPC ask for themselves."""
    asr_llm_url: str = ""
    """Base URL of an OpenAI-compatible API whose model corrects finals, up to and without `/chat/completions`. Empty
    means none. It sees the sentence and a few likely words."""
    asr_llm_model: str = ""
    """Name of the model there."""
    asr_llm_key: SecretStr = SecretStr("")
    """Bearer token for it."""
    asr_llm_timeout_ms: int = Field(800, ge=50, le=10_000)
    """How long a final waits for it; after that the text stays as it is."""
    asr_hot_words_dir: Path | None = None
    """Folder with each shop's own hot words in `<tenant>.txt`: a word a line, a tab and a boost may follow."""
    asr_endpointer: Literal["turn", "rules"] = "turn"
    """What ends a turn: the turn model with the words so far, or, for a transducer, fixed rules of silence."""
    asr_first_checkpoint_ms: int = Field(192, ge=128, le=400)
    """Pause, in ms, at which a turn that sounds finished ends."""
    asr_max_pause_ms: int = Field(880, ge=650, le=3_000)
    """Pause, in ms, that ends a turn whatever it sounds like, unless its text is clearly unfinished."""
    asr_open_pause_ms: int = Field(1_200, ge=650, le=5_000)
    """Pause, in ms, that a turn gets whose text is clearly unfinished (我想买那个)."""
    asr_number_pause_ms: int = Field(1_600, ge=650, le=10_000)
    """Pause, in ms, that an unfinished number or address gets while the dialogue waits for one."""

    @model_validator(mode="after")
    def _fit_together(self) -> AsrSettings:
        if not self.asr_max_pause_ms <= self.asr_open_pause_ms <= self.asr_number_pause_ms:
            raise ValueError("asr_max_pause_ms <= asr_open_pause_ms <= asr_number_pause_ms must hold")
        if self.asr_llm_url and not self.asr_llm_model:
            raise ValueError("asr_llm_url needs asr_llm_model")
        if self.asr_llm_url and not self.asr_llm_url.startswith(("http://", "https://")):
            raise ValueError("asr_llm_url must begin with http:// or https://")
        if self.asr_endpointer == "rules" and self.asr_engine != "transducer":
            raise ValueError("asr_endpointer=rules needs asr_engine=transducer: only that aligns tokens with time")
        return self

    def llm(self) -> LlmSettings | None:
        """The language model that corrects finals; `None` if there is none."""
        if not self.asr_llm_url:
            return None
        key = self.asr_llm_key.get_secret_value()
        return LlmSettings(self.asr_llm_url, self.asr_llm_model, key, self.asr_llm_timeout_ms)

    def rules(self) -> RecognizerRules:
        """The recogniser's rules with these settings."""
        turns = TurnRules().override(
            TurnOverrides(
                first_pause_ms=self.asr_first_checkpoint_ms,
                max_pause_ms=self.asr_max_pause_ms,
                open_pause_ms=self.asr_open_pause_ms,
                number_pause_ms=self.asr_number_pause_ms,
            )
        )
        return RecognizerRules(
            turns=turns,
            endpointer=self.asr_endpointer,
            interim_ms=self.asr_interim_ms,
            prompt=self.asr_prompt,
            max_streams=self.asr_max_streams,
        )
