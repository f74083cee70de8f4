import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from voxcart_api.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TranscriptSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSCRIPT_SOURCE_UNSPECIFIED: _ClassVar[TranscriptSource]
    TRANSCRIPT_SOURCE_SPEECH: _ClassVar[TranscriptSource]
    TRANSCRIPT_SOURCE_TYPED: _ClassVar[TranscriptSource]
TRANSCRIPT_SOURCE_UNSPECIFIED: TranscriptSource
TRANSCRIPT_SOURCE_SPEECH: TranscriptSource
TRANSCRIPT_SOURCE_TYPED: TranscriptSource

class Envelope(_message.Message):
    __slots__ = ("event_id", "occurred_at", "session", "correlation_id", "causation_id", "audio", "interrupt", "session_started", "session_ended", "expectation", "playback", "transcript", "understanding", "reply", "speech", "user_event", "product", "feedback", "dead_letter", "turn_failed", "low_stock")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSATION_ID_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    INTERRUPT_FIELD_NUMBER: _ClassVar[int]
    SESSION_STARTED_FIELD_NUMBER: _ClassVar[int]
    SESSION_ENDED_FIELD_NUMBER: _ClassVar[int]
    EXPECTATION_FIELD_NUMBER: _ClassVar[int]
    PLAYBACK_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_FIELD_NUMBER: _ClassVar[int]
    UNDERSTANDING_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    SPEECH_FIELD_NUMBER: _ClassVar[int]
    USER_EVENT_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    FEEDBACK_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTER_FIELD_NUMBER: _ClassVar[int]
    TURN_FAILED_FIELD_NUMBER: _ClassVar[int]
    LOW_STOCK_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    occurred_at: _timestamp_pb2.Timestamp
    session: _common_pb2.SessionContext
    correlation_id: str
    causation_id: str
    audio: AudioChunk
    interrupt: Interrupt
    session_started: SessionStarted
    session_ended: SessionEnded
    expectation: Expectation
    playback: PlaybackPosition
    transcript: Transcript
    understanding: _common_pb2.Understanding
    reply: Reply
    speech: SpeechChunk
    user_event: UserEvent
    product: ProductChanged
    feedback: Feedback
    dead_letter: DeadLetter
    turn_failed: TurnFailed
    low_stock: LowStock
    def __init__(self, event_id: _Optional[str] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., session: _Optional[_Union[_common_pb2.SessionContext, _Mapping]] = ..., correlation_id: _Optional[str] = ..., causation_id: _Optional[str] = ..., audio: _Optional[_Union[AudioChunk, _Mapping]] = ..., interrupt: _Optional[_Union[Interrupt, _Mapping]] = ..., session_started: _Optional[_Union[SessionStarted, _Mapping]] = ..., session_ended: _Optional[_Union[SessionEnded, _Mapping]] = ..., expectation: _Optional[_Union[Expectation, _Mapping]] = ..., playback: _Optional[_Union[PlaybackPosition, _Mapping]] = ..., transcript: _Optional[_Union[Transcript, _Mapping]] = ..., understanding: _Optional[_Union[_common_pb2.Understanding, _Mapping]] = ..., reply: _Optional[_Union[Reply, _Mapping]] = ..., speech: _Optional[_Union[SpeechChunk, _Mapping]] = ..., user_event: _Optional[_Union[UserEvent, _Mapping]] = ..., product: _Optional[_Union[ProductChanged, _Mapping]] = ..., feedback: _Optional[_Union[Feedback, _Mapping]] = ..., dead_letter: _Optional[_Union[DeadLetter, _Mapping]] = ..., turn_failed: _Optional[_Union[TurnFailed, _Mapping]] = ..., low_stock: _Optional[_Union[LowStock, _Mapping]] = ...) -> None: ...

class AudioChunk(_message.Message):
    __slots__ = ("first_sample", "pcm_s16le", "end_of_input", "received_at")
    FIRST_SAMPLE_FIELD_NUMBER: _ClassVar[int]
    PCM_S16LE_FIELD_NUMBER: _ClassVar[int]
    END_OF_INPUT_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_FIELD_NUMBER: _ClassVar[int]
    first_sample: int
    pcm_s16le: bytes
    end_of_input: bool
    received_at: _timestamp_pb2.Timestamp
    def __init__(self, first_sample: _Optional[int] = ..., pcm_s16le: _Optional[bytes] = ..., end_of_input: _Optional[bool] = ..., received_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Interrupt(_message.Message):
    __slots__ = ("utterance_id", "heard_ms")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    HEARD_MS_FIELD_NUMBER: _ClassVar[int]
    utterance_id: str
    heard_ms: int
    def __init__(self, utterance_id: _Optional[str] = ..., heard_ms: _Optional[int] = ...) -> None: ...

class SessionStarted(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SessionEnded(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class Expectation(_message.Message):
    __slots__ = ("awaiting", "hot_words")
    AWAITING_FIELD_NUMBER: _ClassVar[int]
    HOT_WORDS_FIELD_NUMBER: _ClassVar[int]
    awaiting: str
    hot_words: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, awaiting: _Optional[str] = ..., hot_words: _Optional[_Iterable[str]] = ...) -> None: ...

class PlaybackPosition(_message.Message):
    __slots__ = ("utterance_id", "played_ms")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    PLAYED_MS_FIELD_NUMBER: _ClassVar[int]
    utterance_id: str
    played_ms: int
    def __init__(self, utterance_id: _Optional[str] = ..., played_ms: _Optional[int] = ...) -> None: ...

class Transcript(_message.Message):
    __slots__ = ("utterance_id", "kind", "revision", "text", "raw_text", "edits", "stability", "confidence", "language", "speech_start_sample", "speech_end_sample", "source", "no_speech", "timing", "words")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Transcript.Kind]
        KIND_SPEECH_STARTED: _ClassVar[Transcript.Kind]
        KIND_INTERIM: _ClassVar[Transcript.Kind]
        KIND_FINAL: _ClassVar[Transcript.Kind]
        KIND_SPEECH_STOPPED: _ClassVar[Transcript.Kind]
    KIND_UNSPECIFIED: Transcript.Kind
    KIND_SPEECH_STARTED: Transcript.Kind
    KIND_INTERIM: Transcript.Kind
    KIND_FINAL: Transcript.Kind
    KIND_SPEECH_STOPPED: Transcript.Kind
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    RAW_TEXT_FIELD_NUMBER: _ClassVar[int]
    EDITS_FIELD_NUMBER: _ClassVar[int]
    STABILITY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    SPEECH_START_SAMPLE_FIELD_NUMBER: _ClassVar[int]
    SPEECH_END_SAMPLE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    NO_SPEECH_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    utterance_id: str
    kind: Transcript.Kind
    revision: int
    text: str
    raw_text: str
    edits: _containers.RepeatedCompositeFieldContainer[_common_pb2.TextEdit]
    stability: float
    confidence: float
    language: str
    speech_start_sample: int
    speech_end_sample: int
    source: TranscriptSource
    no_speech: bool
    timing: _containers.RepeatedCompositeFieldContainer[_common_pb2.ServerTiming]
    words: _containers.RepeatedCompositeFieldContainer[Word]
    def __init__(self, utterance_id: _Optional[str] = ..., kind: _Optional[_Union[Transcript.Kind, str]] = ..., revision: _Optional[int] = ..., text: _Optional[str] = ..., raw_text: _Optional[str] = ..., edits: _Optional[_Iterable[_Union[_common_pb2.TextEdit, _Mapping]]] = ..., stability: _Optional[float] = ..., confidence: _Optional[float] = ..., language: _Optional[str] = ..., speech_start_sample: _Optional[int] = ..., speech_end_sample: _Optional[int] = ..., source: _Optional[_Union[TranscriptSource, str]] = ..., no_speech: _Optional[bool] = ..., timing: _Optional[_Iterable[_Union[_common_pb2.ServerTiming, _Mapping]]] = ..., words: _Optional[_Iterable[_Union[Word, _Mapping]]] = ...) -> None: ...

class Word(_message.Message):
    __slots__ = ("text", "start_ms", "end_ms", "confidence")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    END_MS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    text: str
    start_ms: int
    end_ms: int
    confidence: float
    def __init__(self, text: _Optional[str] = ..., start_ms: _Optional[int] = ..., end_ms: _Optional[int] = ..., confidence: _Optional[float] = ...) -> None: ...

class Reply(_message.Message):
    __slots__ = ("utterance_id", "index", "text", "speech_text", "cards", "actions", "awaiting", "language", "is_last", "hand_over", "timing", "understanding")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SPEECH_TEXT_FIELD_NUMBER: _ClassVar[int]
    CARDS_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    AWAITING_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    IS_LAST_FIELD_NUMBER: _ClassVar[int]
    HAND_OVER_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    UNDERSTANDING_FIELD_NUMBER: _ClassVar[int]
    utterance_id: str
    index: int
    text: str
    speech_text: str
    cards: _containers.RepeatedCompositeFieldContainer[_common_pb2.Card]
    actions: _containers.RepeatedCompositeFieldContainer[_common_pb2.Action]
    awaiting: str
    language: str
    is_last: bool
    hand_over: bool
    timing: _containers.RepeatedCompositeFieldContainer[_common_pb2.ServerTiming]
    understanding: _common_pb2.Understanding
    def __init__(self, utterance_id: _Optional[str] = ..., index: _Optional[int] = ..., text: _Optional[str] = ..., speech_text: _Optional[str] = ..., cards: _Optional[_Iterable[_Union[_common_pb2.Card, _Mapping]]] = ..., actions: _Optional[_Iterable[_Union[_common_pb2.Action, _Mapping]]] = ..., awaiting: _Optional[str] = ..., language: _Optional[str] = ..., is_last: _Optional[bool] = ..., hand_over: _Optional[bool] = ..., timing: _Optional[_Iterable[_Union[_common_pb2.ServerTiming, _Mapping]]] = ..., understanding: _Optional[_Union[_common_pb2.Understanding, _Mapping]] = ...) -> None: ...

class SpeechChunk(_message.Message):
    __slots__ = ("utterance_id", "reply_index", "clause", "chunk", "pcm_s16le", "sample_rate_hz", "clause_text", "is_last", "cancelled", "timing", "words")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    REPLY_INDEX_FIELD_NUMBER: _ClassVar[int]
    CLAUSE_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    PCM_S16LE_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    CLAUSE_TEXT_FIELD_NUMBER: _ClassVar[int]
    IS_LAST_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    utterance_id: str
    reply_index: int
    clause: int
    chunk: int
    pcm_s16le: bytes
    sample_rate_hz: int
    clause_text: str
    is_last: bool
    cancelled: bool
    timing: _containers.RepeatedCompositeFieldContainer[_common_pb2.ServerTiming]
    words: _containers.RepeatedCompositeFieldContainer[Word]
    def __init__(self, utterance_id: _Optional[str] = ..., reply_index: _Optional[int] = ..., clause: _Optional[int] = ..., chunk: _Optional[int] = ..., pcm_s16le: _Optional[bytes] = ..., sample_rate_hz: _Optional[int] = ..., clause_text: _Optional[str] = ..., is_last: _Optional[bool] = ..., cancelled: _Optional[bool] = ..., timing: _Optional[_Iterable[_Union[_common_pb2.ServerTiming, _Mapping]]] = ..., words: _Optional[_Iterable[_Union[Word, _Mapping]]] = ...) -> None: ...

class TurnFailed(_message.Message):
    __slots__ = ("utterance_id", "code", "message", "retryable")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    utterance_id: str
    code: str
    message: str
    retryable: bool
    def __init__(self, utterance_id: _Optional[str] = ..., code: _Optional[str] = ..., message: _Optional[str] = ..., retryable: _Optional[bool] = ...) -> None: ...

class UserEvent(_message.Message):
    __slots__ = ("tenant", "user_id", "type", "sku", "quantity", "query", "at", "order_id")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TYPE_UNSPECIFIED: _ClassVar[UserEvent.Type]
        TYPE_VIEW: _ClassVar[UserEvent.Type]
        TYPE_SEARCH: _ClassVar[UserEvent.Type]
        TYPE_ADD_TO_CART: _ClassVar[UserEvent.Type]
        TYPE_REMOVE_FROM_CART: _ClassVar[UserEvent.Type]
        TYPE_BUY: _ClassVar[UserEvent.Type]
        TYPE_REFUND: _ClassVar[UserEvent.Type]
        TYPE_LIKE: _ClassVar[UserEvent.Type]
        TYPE_DISLIKE: _ClassVar[UserEvent.Type]
        TYPE_CANCEL_ORDER: _ClassVar[UserEvent.Type]
    TYPE_UNSPECIFIED: UserEvent.Type
    TYPE_VIEW: UserEvent.Type
    TYPE_SEARCH: UserEvent.Type
    TYPE_ADD_TO_CART: UserEvent.Type
    TYPE_REMOVE_FROM_CART: UserEvent.Type
    TYPE_BUY: UserEvent.Type
    TYPE_REFUND: UserEvent.Type
    TYPE_LIKE: UserEvent.Type
    TYPE_DISLIKE: UserEvent.Type
    TYPE_CANCEL_ORDER: UserEvent.Type
    TENANT_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    user_id: str
    type: UserEvent.Type
    sku: str
    quantity: int
    query: str
    at: _timestamp_pb2.Timestamp
    order_id: str
    def __init__(self, tenant: _Optional[str] = ..., user_id: _Optional[str] = ..., type: _Optional[_Union[UserEvent.Type, str]] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ..., query: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., order_id: _Optional[str] = ...) -> None: ...

class ProductChanged(_message.Message):
    __slots__ = ("tenant", "sku", "delisted", "name_zh", "name_en", "brand", "category", "price", "unit", "stock", "rating", "attributes", "aliases", "units_sold")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    DELISTED_FIELD_NUMBER: _ClassVar[int]
    NAME_ZH_FIELD_NUMBER: _ClassVar[int]
    NAME_EN_FIELD_NUMBER: _ClassVar[int]
    BRAND_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    RATING_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    UNITS_SOLD_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    sku: str
    delisted: bool
    name_zh: str
    name_en: str
    brand: str
    category: str
    price: _common_pb2.Money
    unit: str
    stock: int
    rating: float
    attributes: _struct_pb2.Struct
    aliases: _containers.RepeatedScalarFieldContainer[str]
    units_sold: int
    def __init__(self, tenant: _Optional[str] = ..., sku: _Optional[str] = ..., delisted: _Optional[bool] = ..., name_zh: _Optional[str] = ..., name_en: _Optional[str] = ..., brand: _Optional[str] = ..., category: _Optional[str] = ..., price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., unit: _Optional[str] = ..., stock: _Optional[int] = ..., rating: _Optional[float] = ..., attributes: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., aliases: _Optional[_Iterable[str]] = ..., units_sold: _Optional[int] = ...) -> None: ...

class LowStock(_message.Message):
    __slots__ = ("tenant", "sku", "name_zh", "name_en", "stock", "threshold", "at")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    NAME_ZH_FIELD_NUMBER: _ClassVar[int]
    NAME_EN_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    sku: str
    name_zh: str
    name_en: str
    stock: int
    threshold: int
    at: _timestamp_pb2.Timestamp
    def __init__(self, tenant: _Optional[str] = ..., sku: _Optional[str] = ..., name_zh: _Optional[str] = ..., name_en: _Optional[str] = ..., stock: _Optional[int] = ..., threshold: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Feedback(_message.Message):
    __slots__ = ("utterance_id", "kind", "sentiment", "text", "intent")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SENTIMENT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    utterance_id: str
    kind: str
    sentiment: _common_pb2.Sentiment
    text: str
    intent: str
    def __init__(self, utterance_id: _Optional[str] = ..., kind: _Optional[str] = ..., sentiment: _Optional[_Union[_common_pb2.Sentiment, str]] = ..., text: _Optional[str] = ..., intent: _Optional[str] = ...) -> None: ...

class DeadLetter(_message.Message):
    __slots__ = ("topic", "partition", "offset", "key", "value", "reason", "consumer")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    reason: str
    consumer: str
    def __init__(self, topic: _Optional[str] = ..., partition: _Optional[int] = ..., offset: _Optional[int] = ..., key: _Optional[bytes] = ..., value: _Optional[bytes] = ..., reason: _Optional[str] = ..., consumer: _Optional[str] = ...) -> None: ...
