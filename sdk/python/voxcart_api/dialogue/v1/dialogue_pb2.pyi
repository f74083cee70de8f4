from voxcart_api.bus.v1 import bus_pb2 as _bus_pb2
from voxcart_api.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RespondRequest(_message.Message):
    __slots__ = ("session", "understanding")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    UNDERSTANDING_FIELD_NUMBER: _ClassVar[int]
    session: _common_pb2.SessionContext
    understanding: _common_pb2.Understanding
    def __init__(self, session: _Optional[_Union[_common_pb2.SessionContext, _Mapping]] = ..., understanding: _Optional[_Union[_common_pb2.Understanding, _Mapping]] = ...) -> None: ...

class RespondResponse(_message.Message):
    __slots__ = ("replies",)
    REPLIES_FIELD_NUMBER: _ClassVar[int]
    replies: _containers.RepeatedCompositeFieldContainer[_bus_pb2.Reply]
    def __init__(self, replies: _Optional[_Iterable[_Union[_bus_pb2.Reply, _Mapping]]] = ...) -> None: ...

class GetStateRequest(_message.Message):
    __slots__ = ("session_id",)
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    def __init__(self, session_id: _Optional[str] = ...) -> None: ...

class GetStateResponse(_message.Message):
    __slots__ = ("state_json", "awaiting", "last_utterance_id")
    STATE_JSON_FIELD_NUMBER: _ClassVar[int]
    AWAITING_FIELD_NUMBER: _ClassVar[int]
    LAST_UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    state_json: str
    awaiting: str
    last_utterance_id: str
    def __init__(self, state_json: _Optional[str] = ..., awaiting: _Optional[str] = ..., last_utterance_id: _Optional[str] = ...) -> None: ...
