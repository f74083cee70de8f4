from voxcart_api.bus.v1 import bus_pb2 as _bus_pb2
from voxcart_api.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecommendRequest(_message.Message):
    __slots__ = ("tenant", "user_id", "k", "query", "category", "price_min_cents", "price_max_cents", "cart_skus", "exclude_skus", "language")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    PRICE_MIN_CENTS_FIELD_NUMBER: _ClassVar[int]
    PRICE_MAX_CENTS_FIELD_NUMBER: _ClassVar[int]
    CART_SKUS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_SKUS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    user_id: str
    k: int
    query: str
    category: str
    price_min_cents: int
    price_max_cents: int
    cart_skus: _containers.RepeatedScalarFieldContainer[str]
    exclude_skus: _containers.RepeatedScalarFieldContainer[str]
    language: str
    def __init__(self, tenant: _Optional[str] = ..., user_id: _Optional[str] = ..., k: _Optional[int] = ..., query: _Optional[str] = ..., category: _Optional[str] = ..., price_min_cents: _Optional[int] = ..., price_max_cents: _Optional[int] = ..., cart_skus: _Optional[_Iterable[str]] = ..., exclude_skus: _Optional[_Iterable[str]] = ..., language: _Optional[str] = ...) -> None: ...

class SimilarItemsRequest(_message.Message):
    __slots__ = ("tenant", "sku", "k", "language")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    sku: str
    k: int
    language: str
    def __init__(self, tenant: _Optional[str] = ..., sku: _Optional[str] = ..., k: _Optional[int] = ..., language: _Optional[str] = ...) -> None: ...

class RecommendedItem(_message.Message):
    __slots__ = ("sku", "score", "reason", "signal", "product")
    SKU_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    sku: str
    score: float
    reason: str
    signal: str
    product: _bus_pb2.ProductChanged
    def __init__(self, sku: _Optional[str] = ..., score: _Optional[float] = ..., reason: _Optional[str] = ..., signal: _Optional[str] = ..., product: _Optional[_Union[_bus_pb2.ProductChanged, _Mapping]] = ...) -> None: ...

class RecommendResponse(_message.Message):
    __slots__ = ("items", "timing", "degraded")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[RecommendedItem]
    timing: _containers.RepeatedCompositeFieldContainer[_common_pb2.ServerTiming]
    degraded: bool
    def __init__(self, items: _Optional[_Iterable[_Union[RecommendedItem, _Mapping]]] = ..., timing: _Optional[_Iterable[_Union[_common_pb2.ServerTiming, _Mapping]]] = ..., degraded: _Optional[bool] = ...) -> None: ...

class RecordEventRequest(_message.Message):
    __slots__ = ("event_id", "event")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    event: _bus_pb2.UserEvent
    def __init__(self, event_id: _Optional[str] = ..., event: _Optional[_Union[_bus_pb2.UserEvent, _Mapping]] = ...) -> None: ...

class RecordEventResponse(_message.Message):
    __slots__ = ("recorded",)
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    recorded: bool
    def __init__(self, recorded: _Optional[bool] = ...) -> None: ...

class GetHistoryRequest(_message.Message):
    __slots__ = ("tenant", "user_id", "limit")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    user_id: str
    limit: int
    def __init__(self, tenant: _Optional[str] = ..., user_id: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class GetHistoryResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_bus_pb2.UserEvent]
    def __init__(self, events: _Optional[_Iterable[_Union[_bus_pb2.UserEvent, _Mapping]]] = ...) -> None: ...
