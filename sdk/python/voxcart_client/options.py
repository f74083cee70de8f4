"""What a conversation is opened with."""

from dataclasses import dataclass
from datetime import datetime

from voxcart_api.common.v1 import common_pb2
from voxcart_api.gateway.v1 import gateway_pb2

_ROLES = {"shopper": common_pb2.ROLE_SHOPPER, "merchant": common_pb2.ROLE_MERCHANT}
_ENCODINGS = {"pcm_s16le": gateway_pb2.AUDIO_ENCODING_PCM_S16LE, "opus": gateway_pb2.AUDIO_ENCODING_OPUS}


@dataclass(frozen=True, slots=True)
class ConversationConfig:
    """Who talks, in which language, and in which audio formats.

    Attributes:
        role: ``"shopper"`` or ``"merchant"``.
        user_id: Stable id of the person; empty for a guest.
        locale: ``"zh-CN"`` or ``"en-US"``.
        voice: Name of a voice; empty for the locale's default.
        speaking_rate: 0.5 to 2.0; ``None`` for 1.0.
        input_encoding: ``"pcm_s16le"`` or ``"opus"`` (one packet a message).
        input_sample_rate_hz: 8000 to 48000.
        output_encoding: As for input.
        output_sample_rate_hz: 8000 to 48000.
        tenant: Shop in a multi-shop installation; empty for the default.
        hot_words: Words that are likely.
        clock: What "yesterday" is relative to (with time zone); ``None`` for now.
        text_only: No speech comes back.
        session_id: An earlier, closed session whose dialogue goes on; empty for a new one.
    """

    role: str = "shopper"
    user_id: str = ""
    locale: str = "zh-CN"
    voice: str = ""
    speaking_rate: float | None = None
    input_encoding: str = "pcm_s16le"
    input_sample_rate_hz: int = 16_000
    output_encoding: str = "pcm_s16le"
    output_sample_rate_hz: int = 24_000
    tenant: str = ""
    hot_words: tuple[str, ...] = ()
    clock: datetime | None = None
    text_only: bool = False
    session_id: str = ""

    def __post_init__(self) -> None:
        if self.role not in _ROLES:
            raise ValueError(f"role must be shopper or merchant, not {self.role!r}")
        for encoding in (self.input_encoding, self.output_encoding):
            if encoding not in _ENCODINGS:
                raise ValueError(f"encoding must be pcm_s16le or opus, not {encoding!r}")
        if self.clock is not None and self.clock.tzinfo is None:
            raise ValueError("clock must have a time zone")

    def to_proto(self, resume_token: str = "", last_received_sequence: int = 0) -> gateway_pb2.Config:
        """The first message of a connection; with a token it resumes."""
        config = gateway_pb2.Config(
            role=_ROLES[self.role],
            user_id=self.user_id,
            locale=self.locale,
            voice=self.voice,
            speaking_rate=self.speaking_rate,
            input_audio=gateway_pb2.AudioFormat(
                encoding=_ENCODINGS[self.input_encoding], sample_rate_hz=self.input_sample_rate_hz
            ),
            output_audio=gateway_pb2.AudioFormat(
                encoding=_ENCODINGS[self.output_encoding], sample_rate_hz=self.output_sample_rate_hz
            ),
            tenant=self.tenant,
            hot_words=self.hot_words,
            text_only=self.text_only,
            resume_token=resume_token,
            last_received_sequence=last_received_sequence,
            session_id=self.session_id,
        )
        if self.clock is not None:
            config.clock.FromDatetime(self.clock)
        return config
