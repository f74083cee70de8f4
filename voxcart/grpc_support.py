"""What every gRPC server of Voxcart shares: error mapping, call metrics and channels with sane limits."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc.aio import ServerInterceptor

from voxcart.error_details import DETAILS_METADATA, status_of
from voxcart.errors import VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart.telemetry.metrics import RPC_IN_FLIGHT, RPC_SECONDS

log = get_logger(__name__)

REASON_METADATA = "voxcart-reason"
"""Trailing metadata of a failed call: the error's word for programs."""

_KEEPALIVE = [
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
]


def server_options(max_message_bytes: int) -> list[tuple[str, int]]:
    """Options of every server: message limit, keep-alive, no shared port."""
    return [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.so_reuseport", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        *_KEEPALIVE,
    ]


def open_channel(address: str, max_message_bytes: int = 4 * 1024 * 1024) -> grpc.aio.Channel:
    """A channel to another service that reconnects within a second after the service is back."""
    return grpc.aio.insecure_channel(
        address,
        options=[
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", max_message_bytes),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1_000),
            ("grpc.enable_retries", 0),
            *_KEEPALIVE,
        ],
    )


async def _abort(context: grpc.aio.ServicerContext, method: str, error: Exception) -> None:
    if isinstance(error, VoxcartError):
        metadata = dict(context.trailing_metadata() or ())
        metadata.setdefault(DETAILS_METADATA, status_of(error).SerializeToString())
        if error.reason:
            metadata[REASON_METADATA] = error.reason
        await context.abort(error.code, str(error), trailing_metadata=tuple(metadata.items()))
    log.error("unexpected error in a call", method=method, exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, "internal error; the log of the service has the details")


def _status_name(context: grpc.aio.ServicerContext, failed: bool) -> str:
    code = context.code()
    if isinstance(code, grpc.StatusCode):
        return code.name
    return "UNKNOWN" if failed else "OK"


class ErrorsAndMetrics(ServerInterceptor):
    """Maps :class:`VoxcartError` to its status and measures every call. Health and reflection are not measured."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        handler = await continuation(details)
        if handler is None or not details.method.startswith("/voxcart."):
            return handler
        method = details.method
        if handler.response_streaming:
            inner = handler.unary_stream or handler.stream_stream
            factory = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_stream_rpc_method_handler
            )
            return factory(self._streaming(inner, method), handler.request_deserializer, handler.response_serializer)
        inner = handler.unary_unary or handler.stream_unary
        factory = (
            grpc.stream_unary_rpc_method_handler if handler.request_streaming else grpc.unary_unary_rpc_method_handler
        )
        return factory(self._unary(inner, method), handler.request_deserializer, handler.response_serializer)

    def _unary(self, inner: Any, method: str) -> Any:
        async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
            with _Measured(method, context):
                try:
                    return await inner(request, context)
                except (asyncio.CancelledError, grpc.aio.AbortError):
                    raise
                except Exception as error:
                    return await _abort(context, method, error)

        return call

    def _streaming(self, inner: Any, method: str) -> Any:
        async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
            with _Measured(method, context):
                try:
                    async for response in inner(request, context):
                        yield response
                except (asyncio.CancelledError, grpc.aio.AbortError):
                    raise
                except Exception as error:
                    await _abort(context, method, error)

        return call


class _Measured:
    """Counts one call while it runs and its duration when it ends."""

    def __init__(self, method: str, context: grpc.aio.ServicerContext) -> None:
        self._method = method
        self._context = context
        self._started = 0.0

    def __enter__(self) -> None:
        self._started = time.monotonic()
        RPC_IN_FLIGHT.labels(self._method).inc()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        RPC_IN_FLIGHT.labels(self._method).dec()
        code = _status_name(self._context, kind is not None)
        RPC_SECONDS.labels(self._method, code).observe(time.monotonic() - self._started)
