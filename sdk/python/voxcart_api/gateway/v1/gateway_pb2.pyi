import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from voxcart_api.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AudioEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIO_ENCODING_UNSPECIFIED: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_PCM_S16LE: _ClassVar[AudioEncoding]
    AUDIO_ENCODING_OPUS: _ClassVar[AudioEncoding]
AUDIO_ENCODING_UNSPECIFIED: AudioEncoding
AUDIO_ENCODING_PCM_S16LE: AudioEncoding
AUDIO_ENCODING_OPUS: AudioEncoding

class ConverseRequest(_message.Message):
    __slots__ = ("config", "audio", "text", "playback", "interrupt", "end_of_audio")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PLAYBACK_FIELD_NUMBER: _ClassVar[int]
    INTERRUPT_FIELD_NUMBER: _ClassVar[int]
    END_OF_AUDIO_FIELD_NUMBER: _ClassVar[int]
    config: Config
    audio: AudioInput
    text: TextInput
    playback: Playback
    interrupt: InterruptInput
    end_of_audio: EndOfAudio
    def __init__(self, config: _Optional[_Union[Config, _Mapping]] = ..., audio: _Optional[_Union[AudioInput, _Mapping]] = ..., text: _Optional[_Union[TextInput, _Mapping]] = ..., playback: _Optional[_Union[Playback, _Mapping]] = ..., interrupt: _Optional[_Union[InterruptInput, _Mapping]] = ..., end_of_audio: _Optional[_Union[EndOfAudio, _Mapping]] = ...) -> None: ...

class AudioFormat(_message.Message):
    __slots__ = ("encoding", "sample_rate_hz", "num_channels")
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    NUM_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    encoding: AudioEncoding
    sample_rate_hz: int
    num_channels: int
    def __init__(self, encoding: _Optional[_Union[AudioEncoding, str]] = ..., sample_rate_hz: _Optional[int] = ..., num_channels: _Optional[int] = ...) -> None: ...

class Config(_message.Message):
    __slots__ = ("role", "user_id", "locale", "voice", "speaking_rate", "input_audio", "output_audio", "tenant", "hot_words", "clock", "text_only", "resume_token", "last_received_sequence", "session_id")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    VOICE_FIELD_NUMBER: _ClassVar[int]
    SPEAKING_RATE_FIELD_NUMBER: _ClassVar[int]
    INPUT_AUDIO_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_AUDIO_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    HOT_WORDS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    TEXT_ONLY_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    LAST_RECEIVED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    role: _common_pb2.Role
    user_id: str
    locale: str
    voice: str
    speaking_rate: float
    input_audio: AudioFormat
    output_audio: AudioFormat
    tenant: str
    hot_words: _containers.RepeatedScalarFieldContainer[str]
    clock: _timestamp_pb2.Timestamp
    text_only: bool
    resume_token: str
    last_received_sequence: int
    session_id: str
    def __init__(self, role: _Optional[_Union[_common_pb2.Role, str]] = ..., user_id: _Optional[str] = ..., locale: _Optional[str] = ..., voice: _Optional[str] = ..., speaking_rate: _Optional[float] = ..., input_audio: _Optional[_Union[AudioFormat, _Mapping]] = ..., output_audio: _Optional[_Union[AudioFormat, _Mapping]] = ..., tenant: _Optional[str] = ..., hot_words: _Optional[_Iterable[str]] = ..., clock: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., text_only: _Optional[bool] = ..., resume_token: _Optional[str] = ..., last_received_sequence: _Optional[int] = ..., session_id: _Optional[str] = ...) -> None: ...

class AudioInput(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class TextInput(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class Playback(_message.Message):
    __slots__ = ("utterance_id", "played_ms")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    PLAYED_MS_FIELD_NUMBER: _ClassVar[int]
    utterance_id: str
    played_ms: int
    def __init__(self, utterance_id: _Optional[str] = ..., played_ms: _Optional[int] = ...) -> None: ...

class InterruptInput(_message.Message):
    __slots__ = ("heard_ms",)
    HEARD_MS_FIELD_NUMBER: _ClassVar[int]
    heard_ms: int
    def __init__(self, heard_ms: _Optional[int] = ...) -> None: ...

class EndOfAudio(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ConverseResponse(_message.Message):
    __slots__ = ("sequence", "session_started", "speech_started", "speech_stopped", "transcript", "understanding", "reply", "audio", "error")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SESSION_STARTED_FIELD_NUMBER: _ClassVar[int]
    SPEECH_STARTED_FIELD_NUMBER: _ClassVar[int]
    SPEECH_STOPPED_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_FIELD_NUMBER: _ClassVar[int]
    UNDERSTANDING_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    session_started: Started
    speech_started: SpeechStarted
    speech_stopped: SpeechStopped
    transcript: TranscriptResult
    understanding: _common_pb2.Understanding
    reply: ReplyResult
    audio: AudioOutput
    error: Error
    def __init__(self, sequence: _Optional[int] = ..., session_started: _Optional[_Union[Started, _Mapping]] = ..., speech_started: _Optional[_Union[SpeechStarted, _Mapping]] = ..., speech_stopped: _Optional[_Union[SpeechStopped, _Mapping]] = ..., transcript: _Optional[_Union[TranscriptResult, _Mapping]] = ..., understanding: _Optional[_Union[_common_pb2.Understanding, _Mapping]] = ..., reply: _Optional[_Union[ReplyResult, _Mapping]] = ..., audio: _Optional[_Union[AudioOutput, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...

class Started(_message.Message):
    __slots__ = ("session_id", "resume_token", "output_audio", "resumed")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_AUDIO_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    resume_token: str
    output_audio: AudioFormat
    resumed: bool
    def __init__(self, session_id: _Optional[str] = ..., resume_token: _Optional[str] = ..., output_audio: _Optional[_Union[AudioFormat, _Mapping]] = ..., resumed: _Optional[bool] = ...) -> None: ...

class SpeechStarted(_message.Message):
    __slots__ = ("utterance_id", "at")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    utterance_id: str
    at: _duration_pb2.Duration
    def __init__(self, utterance_id: _Optional[str] = ..., at: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class SpeechStopped(_message.Message):
    __slots__ = ("utterance_id", "at", "no_speech")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    NO_SPEECH_FIELD_NUMBER: _ClassVar[int]
    utterance_id: str
    at: _duration_pb2.Duration
    no_speech: bool
    def __init__(self, utterance_id: _Optional[str] = ..., at: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., no_speech: _Optional[bool] = ...) -> None: ...

class TranscriptResult(_message.Message):
    __slots__ = ("utterance_id", "is_final", "text", "raw_text", "edits", "stability", "confidence", "language", "timing")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    IS_FINAL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    RAW_TEXT_FIELD_NUMBER: _ClassVar[int]
    EDITS_FIELD_NUMBER: _ClassVar[int]
    STABILITY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    utterance_id: str
    is_final: bool
    text: str
    raw_text: str
    edits: _containers.RepeatedCompositeFieldContainer[_common_pb2.TextEdit]
    stability: float
    confidence: float
    language: str
    timing: _containers.RepeatedCompositeFieldContainer[_common_pb2.ServerTiming]
    def __init__(self, utterance_id: _Optional[str] = ..., is_final: _Optional[bool] = ..., text: _Optional[str] = ..., raw_text: _Optional[str] = ..., edits: _Optional[_Iterable[_Union[_common_pb2.TextEdit, _Mapping]]] = ..., stability: _Optional[float] = ..., confidence: _Optional[float] = ..., language: _Optional[str] = ..., timing: _Optional[_Iterable[_Union[_common_pb2.ServerTiming, _Mapping]]] = ...) -> None: ...

class ReplyResult(_message.Message):
    __slots__ = ("utterance_id", "text", "cards", "actions", "awaiting", "hand_over", "timing", "is_last")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CARDS_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    AWAITING_FIELD_NUMBER: _ClassVar[int]
    HAND_OVER_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    IS_LAST_FIELD_NUMBER: _ClassVar[int]
    utterance_id: str
    text: str
    cards: _containers.RepeatedCompositeFieldContainer[_common_pb2.Card]
    actions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Action]
    awaiting: str
    hand_over: bool
    timing: _containers.RepeatedCompositeFieldContainer[_common_pb2.ServerTiming]
    is_last: bool
    def __init__(self, utterance_id: _Optional[str] = ..., text: _Optional[str] = ..., cards: _Optional[_Iterable[_Union[_common_pb2.Card, _Mapping]]] = ..., actions: _Optional[_Iterable[_Union[_common_pb2.Action, _Mapping]]] = ..., awaiting: _Optional[str] = ..., hand_over: _Optional[bool] = ..., timing: _Optional[_Iterable[_Union[_common_pb2.ServerTiming, _Mapping]]] = ..., is_last: _Optional[bool] = ...) -> None: ...

class AudioOutput(_message.Message):
    __slots__ = ("utterance_id", "data", "clause_text", "is_last", "cancelled", "timing", "words")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    CLAUSE_TEXT_FIELD_NUMBER: _ClassVar[int]
    IS_LAST_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    utterance_id: str
    data: bytes
    clause_text: str
    is_last: bool
    cancelled: bool
    timing: _containers.RepeatedCompositeFieldContainer[_common_pb2.ServerTiming]
    words: _containers.RepeatedCompositeFieldContainer[CaptionWord]
    def __init__(self, utterance_id: _Optional[str] = ..., data: _Optional[bytes] = ..., clause_text: _Optional[str] = ..., is_last: _Optional[bool] = ..., cancelled: _Optional[bool] = ..., timing: _Optional[_Iterable[_Union[_common_pb2.ServerTiming, _Mapping]]] = ..., words: _Optional[_Iterable[_Union[CaptionWord, _Mapping]]] = ...) -> None: ...

class CaptionWord(_message.Message):
    __slots__ = ("text", "start_ms", "end_ms")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    END_MS_FIELD_NUMBER: _ClassVar[int]
    text: str
    start_ms: int
    end_ms: int
    def __init__(self, text: _Optional[str] = ..., start_ms: _Optional[int] = ..., end_ms: _Optional[int] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "message", "utterance_id", "retryable")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    utterance_id: str
    retryable: bool
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., utterance_id: _Optional[str] = ..., retryable: _Optional[bool] = ...) -> None: ...
