"""Settings of the gateway."""

from pydantic import Field, field_validator, model_validator

from voxcart.settings import SERVICE_PORTS, ServiceSettings


class GatewaySettings(ServiceSettings):
    """Limits and times of conversations; read from ``VOXCART_<FIELD>``."""

    listen: str = f"127.0.0.1:{SERVICE_PORTS['gateway']}"
    """host:port of the gRPC server."""
    gateway_websocket_listen: str = ""
    """host:port of the WebSocket server for browsers. Empty: off."""
    gateway_max_sessions: int = Field(200, ge=1)
    """Sessions at a time, lost connections included. One more is refused with RESOURCE_EXHAUSTED."""
    gateway_resume_seconds: float = Field(60.0, ge=0)
    """How long a session outlives its lost connection."""
    gateway_idle_seconds: float = Field(300.0, gt=0)
    """A connected client that sends nothing for so long is disconnected and its session ended."""
    gateway_retention_hours: float = Field(24.0, gt=0)
    """How long a closed session can be continued by its id; the dialogue keeps its state as long."""
    gateway_reply_timeout_seconds: float = Field(15.0, gt=0)
    """A turn without a reply for so long after its final transcript is reported to the client as failed."""
    gateway_speech_timeout_seconds: float = Field(15.0, gt=0)
    """Same for audio: since the reply or the audio chunk before."""
    gateway_max_lead_seconds: float = Field(30.0, ge=1)
    """How far audio may run ahead of real time before the client is slowed down."""
    gateway_publish_queue: int = Field(512, ge=16)
    """Events of a session that may wait for the bus (512 chunks of 64 ms: 33 s); then the client has to wait."""
    gateway_outbox_bytes: int = Field(4 * 1024 * 1024, ge=64 * 1024)
    """Responses that may wait for a slow or lost client, and as many again that are kept for resuming, each session."""
    gateway_max_publish_seconds: float = Field(1.0, gt=0)
    """New sessions are refused while an event takes longer than this to reach the broker."""
    gateway_max_answer_seconds: float = Field(8.0, gt=0)
    """New sessions are refused while the median answer (last 30 s) comes later than this after the end of speech."""
    gateway_retry_after_seconds: float = Field(2.0, gt=0)
    """Delay that a refused client is told."""

    @field_validator("gateway_websocket_listen")
    @classmethod
    def _empty_or_host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value and (not host or not port.isdigit() or int(port) > 65535):
            raise ValueError(f"gateway_websocket_listen must be empty or host:port, not {value!r}")
        return value

    @model_validator(mode="after")
    def _idle_outlives_turn(self) -> "GatewaySettings":
        if self.gateway_idle_seconds <= self.gateway_reply_timeout_seconds:
            raise ValueError("gateway_idle_seconds must be longer than gateway_reply_timeout_seconds")
        return self
