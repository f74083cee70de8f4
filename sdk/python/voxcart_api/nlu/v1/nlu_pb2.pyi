from voxcart_api.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UnderstandRequest(_message.Message):
    __slots__ = ("text", "session", "utterance_id")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    text: str
    session: _common_pb2.SessionContext
    utterance_id: str
    def __init__(self, text: _Optional[str] = ..., session: _Optional[_Union[_common_pb2.SessionContext, _Mapping]] = ..., utterance_id: _Optional[str] = ...) -> None: ...

class UnderstandResponse(_message.Message):
    __slots__ = ("understanding", "timing")
    UNDERSTANDING_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    understanding: _common_pb2.Understanding
    timing: _containers.RepeatedCompositeFieldContainer[_common_pb2.ServerTiming]
    def __init__(self, understanding: _Optional[_Union[_common_pb2.Understanding, _Mapping]] = ..., timing: _Optional[_Iterable[_Union[_common_pb2.ServerTiming, _Mapping]]] = ...) -> None: ...
