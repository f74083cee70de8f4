import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from voxcart_api.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecognitionConfig(_message.Message):
    __slots__ = ("sample_rate_hz", "num_channels", "language", "hot_words", "interim_results", "awaiting", "raw_only", "max_alternatives", "enable_word_times", "endpointing", "tenant", "enable_diagnostics", "beam_size", "prompt", "single_utterance")
    SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    NUM_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    HOT_WORDS_FIELD_NUMBER: _ClassVar[int]
    INTERIM_RESULTS_FIELD_NUMBER: _ClassVar[int]
    AWAITING_FIELD_NUMBER: _ClassVar[int]
    RAW_ONLY_FIELD_NUMBER: _ClassVar[int]
    MAX_ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    ENABLE_WORD_TIMES_FIELD_NUMBER: _ClassVar[int]
    ENDPOINTING_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ENABLE_DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    BEAM_SIZE_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    SINGLE_UTTERANCE_FIELD_NUMBER: _ClassVar[int]
    sample_rate_hz: int
    num_channels: int
    language: str
    hot_words: _containers.RepeatedCompositeFieldContainer[HotWord]
    interim_results: bool
    awaiting: str
    raw_only: bool
    max_alternatives: int
    enable_word_times: bool
    endpointing: EndpointConfig
    tenant: str
    enable_diagnostics: bool
    beam_size: int
    prompt: str
    single_utterance: bool
    def __init__(self, sample_rate_hz: _Optional[int] = ..., num_channels: _Optional[int] = ..., language: _Optional[str] = ..., hot_words: _Optional[_Iterable[_Union[HotWord, _Mapping]]] = ..., interim_results: _Optional[bool] = ..., awaiting: _Optional[str] = ..., raw_only: _Optional[bool] = ..., max_alternatives: _Optional[int] = ..., enable_word_times: _Optional[bool] = ..., endpointing: _Optional[_Union[EndpointConfig, _Mapping]] = ..., tenant: _Optional[str] = ..., enable_diagnostics: _Optional[bool] = ..., beam_size: _Optional[int] = ..., prompt: _Optional[str] = ..., single_utterance: _Optional[bool] = ...) -> None: ...

class EndpointConfig(_message.Message):
    __slots__ = ("speech_probability", "first_pause_ms", "max_pause_ms", "open_pause_ms", "number_pause_ms", "max_utterance_ms")
    SPEECH_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    FIRST_PAUSE_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_PAUSE_MS_FIELD_NUMBER: _ClassVar[int]
    OPEN_PAUSE_MS_FIELD_NUMBER: _ClassVar[int]
    NUMBER_PAUSE_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_UTTERANCE_MS_FIELD_NUMBER: _ClassVar[int]
    speech_probability: float
    first_pause_ms: int
    max_pause_ms: int
    open_pause_ms: int
    number_pause_ms: int
    max_utterance_ms: int
    def __init__(self, speech_probability: _Optional[float] = ..., first_pause_ms: _Optional[int] = ..., max_pause_ms: _Optional[int] = ..., open_pause_ms: _Optional[int] = ..., number_pause_ms: _Optional[int] = ..., max_utterance_ms: _Optional[int] = ...) -> None: ...

class HotWord(_message.Message):
    __slots__ = ("text", "boost")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BOOST_FIELD_NUMBER: _ClassVar[int]
    text: str
    boost: float
    def __init__(self, text: _Optional[str] = ..., boost: _Optional[float] = ...) -> None: ...

class RecognizeRequest(_message.Message):
    __slots__ = ("config", "audio")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    config: RecognitionConfig
    audio: bytes
    def __init__(self, config: _Optional[_Union[RecognitionConfig, _Mapping]] = ..., audio: _Optional[bytes] = ...) -> None: ...

class RecognizeResponse(_message.Message):
    __slots__ = ("results", "audio_duration")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_DURATION_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[RecognitionResult]
    audio_duration: _duration_pb2.Duration
    def __init__(self, results: _Optional[_Iterable[_Union[RecognitionResult, _Mapping]]] = ..., audio_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class StreamingRecognizeRequest(_message.Message):
    __slots__ = ("config", "audio")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    config: RecognitionConfig
    audio: bytes
    def __init__(self, config: _Optional[_Union[RecognitionConfig, _Mapping]] = ..., audio: _Optional[bytes] = ...) -> None: ...

class StreamingRecognizeResponse(_message.Message):
    __slots__ = ("event", "result", "at", "no_speech", "no_speech_reason", "diagnostics")
    class Event(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        EVENT_UNSPECIFIED: _ClassVar[StreamingRecognizeResponse.Event]
        EVENT_START_OF_SPEECH: _ClassVar[StreamingRecognizeResponse.Event]
        EVENT_END_OF_SPEECH: _ClassVar[StreamingRecognizeResponse.Event]
        EVENT_RESULT: _ClassVar[StreamingRecognizeResponse.Event]
    EVENT_UNSPECIFIED: StreamingRecognizeResponse.Event
    EVENT_START_OF_SPEECH: StreamingRecognizeResponse.Event
    EVENT_END_OF_SPEECH: StreamingRecognizeResponse.Event
    EVENT_RESULT: StreamingRecognizeResponse.Event
    EVENT_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    NO_SPEECH_FIELD_NUMBER: _ClassVar[int]
    NO_SPEECH_REASON_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    event: StreamingRecognizeResponse.Event
    result: RecognitionResult
    at: _duration_pb2.Duration
    no_speech: bool
    no_speech_reason: str
    diagnostics: RecognitionDiagnostics
    def __init__(self, event: _Optional[_Union[StreamingRecognizeResponse.Event, str]] = ..., result: _Optional[_Union[RecognitionResult, _Mapping]] = ..., at: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., no_speech: _Optional[bool] = ..., no_speech_reason: _Optional[str] = ..., diagnostics: _Optional[_Union[RecognitionDiagnostics, _Mapping]] = ...) -> None: ...

class RecognitionResult(_message.Message):
    __slots__ = ("is_final", "text", "raw_text", "edits", "stability", "confidence", "language", "start", "end", "timing", "words", "alternatives", "utterance", "diagnostics")
    IS_FINAL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    RAW_TEXT_FIELD_NUMBER: _ClassVar[int]
    EDITS_FIELD_NUMBER: _ClassVar[int]
    STABILITY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    UTTERANCE_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    is_final: bool
    text: str
    raw_text: str
    edits: _containers.RepeatedCompositeFieldContainer[_common_pb2.TextEdit]
    stability: float
    confidence: float
    language: str
    start: _duration_pb2.Duration
    end: _duration_pb2.Duration
    timing: _containers.RepeatedCompositeFieldContainer[_common_pb2.ServerTiming]
    words: _containers.RepeatedCompositeFieldContainer[WordInfo]
    alternatives: _containers.RepeatedCompositeFieldContainer[RecognitionAlternative]
    utterance: int
    diagnostics: RecognitionDiagnostics
    def __init__(self, is_final: _Optional[bool] = ..., text: _Optional[str] = ..., raw_text: _Optional[str] = ..., edits: _Optional[_Iterable[_Union[_common_pb2.TextEdit, _Mapping]]] = ..., stability: _Optional[float] = ..., confidence: _Optional[float] = ..., language: _Optional[str] = ..., start: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., end: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., timing: _Optional[_Iterable[_Union[_common_pb2.ServerTiming, _Mapping]]] = ..., words: _Optional[_Iterable[_Union[WordInfo, _Mapping]]] = ..., alternatives: _Optional[_Iterable[_Union[RecognitionAlternative, _Mapping]]] = ..., utterance: _Optional[int] = ..., diagnostics: _Optional[_Union[RecognitionDiagnostics, _Mapping]] = ...) -> None: ...

class WordInfo(_message.Message):
    __slots__ = ("text", "start", "end", "confidence")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    text: str
    start: _duration_pb2.Duration
    end: _duration_pb2.Duration
    confidence: float
    def __init__(self, text: _Optional[str] = ..., start: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., end: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., confidence: _Optional[float] = ...) -> None: ...

class RecognitionAlternative(_message.Message):
    __slots__ = ("text", "raw_text", "confidence")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    RAW_TEXT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    text: str
    raw_text: str
    confidence: float
    def __init__(self, text: _Optional[str] = ..., raw_text: _Optional[str] = ..., confidence: _Optional[float] = ...) -> None: ...

class RecognitionDiagnostics(_message.Message):
    __slots__ = ("engine", "model", "no_speech_prob", "avg_logprob", "num_tokens", "num_steps", "is_loop", "end_reason", "pause_ms", "turn_probability", "speech_dbfs", "snr_db", "clipped_share")
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    NO_SPEECH_PROB_FIELD_NUMBER: _ClassVar[int]
    AVG_LOGPROB_FIELD_NUMBER: _ClassVar[int]
    NUM_TOKENS_FIELD_NUMBER: _ClassVar[int]
    NUM_STEPS_FIELD_NUMBER: _ClassVar[int]
    IS_LOOP_FIELD_NUMBER: _ClassVar[int]
    END_REASON_FIELD_NUMBER: _ClassVar[int]
    PAUSE_MS_FIELD_NUMBER: _ClassVar[int]
    TURN_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    SPEECH_DBFS_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    CLIPPED_SHARE_FIELD_NUMBER: _ClassVar[int]
    engine: str
    model: str
    no_speech_prob: float
    avg_logprob: float
    num_tokens: int
    num_steps: int
    is_loop: bool
    end_reason: str
    pause_ms: int
    turn_probability: float
    speech_dbfs: float
    snr_db: float
    clipped_share: float
    def __init__(self, engine: _Optional[str] = ..., model: _Optional[str] = ..., no_speech_prob: _Optional[float] = ..., avg_logprob: _Optional[float] = ..., num_tokens: _Optional[int] = ..., num_steps: _Optional[int] = ..., is_loop: _Optional[bool] = ..., end_reason: _Optional[str] = ..., pause_ms: _Optional[int] = ..., turn_probability: _Optional[float] = ..., speech_dbfs: _Optional[float] = ..., snr_db: _Optional[float] = ..., clipped_share: _Optional[float] = ...) -> None: ...
