"""Checks of what clients send; everything that is refused is refused here with a sentence."""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass

from voxcart.audio.opus import OPUS_RATES_HZ
from voxcart.errors import InvalidInput
from voxcart.text.hot_word import clean_hot_word
from voxcart_api.common.v1.common_pb2 import ROLE_MERCHANT, ROLE_SHOPPER, ROLE_UNSPECIFIED, SessionContext
from voxcart_api.gateway.v1.gateway_pb2 import (
    AUDIO_ENCODING_OPUS,
    AUDIO_ENCODING_PCM_S16LE,
    AUDIO_ENCODING_UNSPECIFIED,
    AudioFormat,
    Config,
)

LOCALES = ("zh-CN", "en-US")
PCM_RATES_HZ = (8_000, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
DEFAULT_INPUT_RATE_HZ = 16_000
DEFAULT_OUTPUT_RATE_HZ = 24_000
MAX_AUDIO_BYTES = 65_536
MAX_TEXT_CHARACTERS = 2_000
MAX_HOT_WORDS = 1_000
MAX_ID_CHARACTERS = 64
MAX_USER_ID_CHARACTERS = 128

_ID = re.compile(r"^[A-Za-z0-9._~-]+$")
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """An audio format with nothing left open.

    Attributes:
        is_opus: One Opus packet a message; else PCM s16le.
        sample_rate_hz: Samples a second of each channel.
        num_channels: 1 or 2.
    """

    is_opus: bool
    sample_rate_hz: int
    num_channels: int

    def to_proto(self) -> AudioFormat:
        """The format as clients are told it."""
        encoding = AUDIO_ENCODING_OPUS if self.is_opus else AUDIO_ENCODING_PCM_S16LE
        return AudioFormat(encoding=encoding, sample_rate_hz=self.sample_rate_hz, num_channels=self.num_channels)


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """A checked config.

    Attributes:
        context: Rides in every event of the session, the hot words in some only; ``session_id`` is empty when a new
            one is to be minted.
        input_format: What the client sends.
        output_format: What the client hears.
    """

    context: SessionContext
    input_format: StreamFormat
    output_format: StreamFormat


def check_config(config: Config, voices: Collection[str]) -> SessionOptions:
    """Checks a config and fills in the defaults.

    Args:
        config: As the client sent it.
        voices: Names that may be asked for; not looked at when no voice is asked for.

    Raises:
        InvalidInput: Something in it is not allowed; the sentence says what and what is.
    """
    if config.role not in (ROLE_UNSPECIFIED, ROLE_SHOPPER, ROLE_MERCHANT):
        raise InvalidInput(f"role {config.role} is unknown; it is SHOPPER or MERCHANT")
    if config.voice and config.voice not in voices:
        raise InvalidInput(f"voice {config.voice[:64]!r} is unknown; there are {', '.join(sorted(voices))}")
    context = SessionContext(
        session_id=_check_id("session_id", config.session_id, MAX_ID_CHARACTERS),
        tenant=_check_id("tenant", config.tenant, MAX_ID_CHARACTERS),
        user_id=_check_user_id(config.user_id),
        role=config.role or ROLE_SHOPPER,
        locale=_check_locale(config.locale),
        voice=config.voice,
        hot_words=_check_hot_words(config.hot_words),
        text_only=config.text_only,
    )
    if config.HasField("speaking_rate"):
        if not math.isfinite(config.speaking_rate) or not 0.5 <= config.speaking_rate <= 2.0:
            raise InvalidInput(f"speaking_rate must be 0.5 to 2.0, not {config.speaking_rate}")
        context.speaking_rate = config.speaking_rate
    if config.HasField("clock"):
        context.clock.CopyFrom(config.clock)
    return SessionOptions(
        context=context,
        input_format=_check_format("input_audio", config.input_audio, DEFAULT_INPUT_RATE_HZ),
        output_format=_check_format("output_audio", config.output_audio, DEFAULT_OUTPUT_RATE_HZ),
    )


def check_audio(data: bytes, audio_format: StreamFormat) -> None:
    """Checks one audio message.

    Raises:
        InvalidInput: Empty, too long, or not whole frames.
    """
    if not data:
        raise InvalidInput("an audio message must hold audio; to say that no more follows, send end_of_audio")
    if len(data) > MAX_AUDIO_BYTES:
        raise InvalidInput(f"an audio message may hold {MAX_AUDIO_BYTES} bytes, not {len(data)}; send smaller pieces")
    frame_bytes = 2 * audio_format.num_channels
    if not audio_format.is_opus and len(data) % frame_bytes:
        raise InvalidInput(
            f"PCM audio must be whole frames of {frame_bytes} bytes ({audio_format.num_channels} channel(s) of "
            f"16 bit); a message of {len(data)} bytes is not"
        )


def clean_text(text: str) -> str:
    """Typed text without control characters: those that part words (tab, line ends) become a space, others vanish.

    Raises:
        InvalidInput: Nothing is left, or it is too long.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise InvalidInput(f"text may have {MAX_TEXT_CHARACTERS} characters, not {len(text)}")
    cleaned = _CONTROL_CHARACTERS.sub(lambda run: " " if run[0].isspace() else "", text).strip()
    if not cleaned:
        raise InvalidInput("text must hold at least one visible character")
    return cleaned


def check_milliseconds(name: str, value: int) -> int:
    """A duration that a client reports.

    Raises:
        InvalidInput: Negative or longer than a day.
    """
    if not 0 <= value <= 86_400_000:
        raise InvalidInput(f"{name} must be 0 to 86400000 milliseconds, not {value}")
    return value


def check_utterance_id(utterance_id: str, session_id: str) -> str:
    """An utterance that a client names.

    Raises:
        InvalidInput: It is not one of the session.
    """
    if len(utterance_id) > 2 * MAX_ID_CHARACTERS or not utterance_id.startswith(f"{session_id}/"):
        raise InvalidInput("utterance_id is not one of this session")
    return utterance_id


def _check_format(name: str, proto: AudioFormat, default_rate_hz: int) -> StreamFormat:
    encodings = (AUDIO_ENCODING_UNSPECIFIED, AUDIO_ENCODING_PCM_S16LE, AUDIO_ENCODING_OPUS)
    if proto.encoding not in encodings:
        raise InvalidInput(f"{name}: encoding {proto.encoding} is unknown; it is PCM_S16LE or OPUS")
    is_opus = proto.encoding == AUDIO_ENCODING_OPUS
    rate_hz = proto.sample_rate_hz or default_rate_hz
    rates_hz = OPUS_RATES_HZ if is_opus else PCM_RATES_HZ
    if rate_hz not in rates_hz:
        raise InvalidInput(f"{name}: sample_rate_hz must be one of {', '.join(map(str, rates_hz))}, not {rate_hz}")
    if proto.num_channels not in (0, 1, 2):
        raise InvalidInput(f"{name}: num_channels must be 1 or 2, not {proto.num_channels}")
    num_channels = proto.num_channels or 1
    if name == "output_audio" and num_channels != 1:
        raise InvalidInput("output_audio: speech is mono, num_channels must be 1")
    return StreamFormat(is_opus, rate_hz, num_channels)


def _check_locale(locale: str) -> str:
    if not locale:
        return LOCALES[0]
    for known in LOCALES:
        if locale.lower() == known.lower():
            return known
    raise InvalidInput(f"locale {locale[:32]!r} is unknown; there are {', '.join(LOCALES)}")


def _check_id(name: str, value: str, max_characters: int) -> str:
    if value and (len(value) > max_characters or not _ID.match(value)):
        raise InvalidInput(f"{name} may have {max_characters} letters, digits and . _ ~ -")
    return value


def _check_user_id(value: str) -> str:
    if len(value) > MAX_USER_ID_CHARACTERS or _CONTROL_CHARACTERS.search(value):
        raise InvalidInput(f"user_id may have {MAX_USER_ID_CHARACTERS} characters, none of them a control character")
    return value


def _check_hot_words(words: Collection[str]) -> list[str]:
    if len(words) > MAX_HOT_WORDS:
        raise InvalidInput(f"there may be {MAX_HOT_WORDS} hot words, not {len(words)}")
    return list(dict.fromkeys(map(clean_hot_word, words)))
