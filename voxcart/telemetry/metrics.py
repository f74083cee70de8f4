"""Metrics that every service has, and the endpoint that serves them to Prometheus."""

import threading
from wsgiref.simple_server import WSGIServer

from prometheus_client import Counter, Gauge, Histogram, start_http_server

LATENCY_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)

RPC_SECONDS = Histogram(
    "voxcart_rpc_seconds",
    "Duration of gRPC calls by method and status",
    ["method", "code"],
    buckets=LATENCY_BUCKETS_SECONDS,
)
RPC_IN_FLIGHT = Gauge("voxcart_rpc_in_flight", "gRPC calls that run now", ["method"])
SERVICE_READY = Gauge("voxcart_service_ready", "1 while the service answers SERVING")
TASK_FAILURES_TOTAL = Counter("voxcart_task_failures_total", "Supervised tasks that died unexpectedly", ["task"])


class MetricsServer:
    """The Prometheus endpoint, in a thread of its own."""

    def __init__(self, host: str, port: int) -> None:
        """Binds at once; port 0 takes a free one.

        Raises:
            OSError: The port is in use.
        """
        self._server: WSGIServer
        self._thread: threading.Thread
        self._server, self._thread = start_http_server(port, addr=host)

    @property
    def port(self) -> int:
        """The port that was bound."""
        return self._server.server_port

    def close(self) -> None:
        """Stops serving; blocks until the thread ended."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
