import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_SHOPPER: _ClassVar[Role]
    ROLE_MERCHANT: _ClassVar[Role]

class Sentiment(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SENTIMENT_UNSPECIFIED: _ClassVar[Sentiment]
    SENTIMENT_POSITIVE: _ClassVar[Sentiment]
    SENTIMENT_NEUTRAL: _ClassVar[Sentiment]
    SENTIMENT_NEGATIVE: _ClassVar[Sentiment]
ROLE_UNSPECIFIED: Role
ROLE_SHOPPER: Role
ROLE_MERCHANT: Role
SENTIMENT_UNSPECIFIED: Sentiment
SENTIMENT_POSITIVE: Sentiment
SENTIMENT_NEUTRAL: Sentiment
SENTIMENT_NEGATIVE: Sentiment

class SessionContext(_message.Message):
    __slots__ = ("session_id", "tenant", "user_id", "role", "locale", "voice", "speaking_rate", "clock", "hot_words", "text_only")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    VOICE_FIELD_NUMBER: _ClassVar[int]
    SPEAKING_RATE_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    HOT_WORDS_FIELD_NUMBER: _ClassVar[int]
    TEXT_ONLY_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    tenant: str
    user_id: str
    role: Role
    locale: str
    voice: str
    speaking_rate: float
    clock: _timestamp_pb2.Timestamp
    hot_words: _containers.RepeatedScalarFieldContainer[str]
    text_only: bool
    def __init__(self, session_id: _Optional[str] = ..., tenant: _Optional[str] = ..., user_id: _Optional[str] = ..., role: _Optional[_Union[Role, str]] = ..., locale: _Optional[str] = ..., voice: _Optional[str] = ..., speaking_rate: _Optional[float] = ..., clock: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hot_words: _Optional[_Iterable[str]] = ..., text_only: _Optional[bool] = ...) -> None: ...

class Money(_message.Message):
    __slots__ = ("currency", "cents")
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    CENTS_FIELD_NUMBER: _ClassVar[int]
    currency: str
    cents: int
    def __init__(self, currency: _Optional[str] = ..., cents: _Optional[int] = ...) -> None: ...

class Slot(_message.Message):
    __slots__ = ("name", "value", "start", "end", "normalized", "negated", "relation", "approximate", "confidence")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    NORMALIZED_FIELD_NUMBER: _ClassVar[int]
    NEGATED_FIELD_NUMBER: _ClassVar[int]
    RELATION_FIELD_NUMBER: _ClassVar[int]
    APPROXIMATE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    start: int
    end: int
    normalized: _struct_pb2.Value
    negated: bool
    relation: str
    approximate: bool
    confidence: float
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ..., start: _Optional[int] = ..., end: _Optional[int] = ..., normalized: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., negated: _Optional[bool] = ..., relation: _Optional[str] = ..., approximate: _Optional[bool] = ..., confidence: _Optional[float] = ...) -> None: ...

class IntentScore(_message.Message):
    __slots__ = ("intent", "confidence")
    INTENT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    intent: str
    confidence: float
    def __init__(self, intent: _Optional[str] = ..., confidence: _Optional[float] = ...) -> None: ...

class Understanding(_message.Message):
    __slots__ = ("utterance_id", "text", "intent", "confidence", "slots", "sentiment", "sentiment_score", "language", "top_intents", "tokens")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    SENTIMENT_FIELD_NUMBER: _ClassVar[int]
    SENTIMENT_SCORE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    TOP_INTENTS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    utterance_id: str
    text: str
    intent: str
    confidence: float
    slots: _containers.RepeatedCompositeFieldContainer[Slot]
    sentiment: Sentiment
    sentiment_score: float
    language: str
    top_intents: _containers.RepeatedCompositeFieldContainer[IntentScore]
    tokens: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, utterance_id: _Optional[str] = ..., text: _Optional[str] = ..., intent: _Optional[str] = ..., confidence: _Optional[float] = ..., slots: _Optional[_Iterable[_Union[Slot, _Mapping]]] = ..., sentiment: _Optional[_Union[Sentiment, str]] = ..., sentiment_score: _Optional[float] = ..., language: _Optional[str] = ..., top_intents: _Optional[_Iterable[_Union[IntentScore, _Mapping]]] = ..., tokens: _Optional[_Iterable[str]] = ...) -> None: ...

class TextEdit(_message.Message):
    __slots__ = ("start", "end", "before", "after", "reason", "score")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    start: int
    end: int
    before: str
    after: str
    reason: str
    score: float
    def __init__(self, start: _Optional[int] = ..., end: _Optional[int] = ..., before: _Optional[str] = ..., after: _Optional[str] = ..., reason: _Optional[str] = ..., score: _Optional[float] = ...) -> None: ...

class Card(_message.Message):
    __slots__ = ("kind", "id", "name", "subtitle", "price", "quantity", "facts", "images")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SUBTITLE_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    name: str
    subtitle: str
    price: Money
    quantity: int
    facts: _struct_pb2.Struct
    images: _containers.RepeatedCompositeFieldContainer[Image]
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., name: _Optional[str] = ..., subtitle: _Optional[str] = ..., price: _Optional[_Union[Money, _Mapping]] = ..., quantity: _Optional[int] = ..., facts: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., images: _Optional[_Iterable[_Union[Image, _Mapping]]] = ...) -> None: ...

class Image(_message.Message):
    __slots__ = ("media_type", "data", "width_px", "height_px", "alt_text")
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    ALT_TEXT_FIELD_NUMBER: _ClassVar[int]
    media_type: str
    data: bytes
    width_px: int
    height_px: int
    alt_text: str
    def __init__(self, media_type: _Optional[str] = ..., data: _Optional[bytes] = ..., width_px: _Optional[int] = ..., height_px: _Optional[int] = ..., alt_text: _Optional[str] = ...) -> None: ...

class Action(_message.Message):
    __slots__ = ("name", "idempotency_key", "status", "details")
    NAME_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    name: str
    idempotency_key: str
    status: str
    details: _struct_pb2.Struct
    def __init__(self, name: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., status: _Optional[str] = ..., details: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class ServerTiming(_message.Message):
    __slots__ = ("stage", "queue_ms", "compute_ms")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_MS_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_MS_FIELD_NUMBER: _ClassVar[int]
    stage: str
    queue_ms: float
    compute_ms: float
    def __init__(self, stage: _Optional[str] = ..., queue_ms: _Optional[float] = ..., compute_ms: _Optional[float] = ...) -> None: ...
