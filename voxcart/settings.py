"""Settings that every service reads from the environment, once, at start."""

import sys
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from voxcart.paths import models_dir

SERVICE_PORTS = {
    "gateway": 50051,
    "asr": 50052,
    "nlu": 50053,
    "dialogue": 50054,
    "shop": 50055,
    "recsys": 50056,
    "tts": 50057,
}
"""Default gRPC ports of the services."""


class ServiceSettings(BaseSettings):
    """What all services have in common; a service's own config extends this class.

    Every field is read from ``VOXCART_<FIELD>``.
    """

    model_config = SettingsConfigDict(env_prefix="VOXCART_", frozen=True, extra="ignore")

    listen: str = "127.0.0.1:0"
    """host:port of the gRPC server. Port 0 takes a free one."""
    metrics_port: int = Field(0, ge=0, le=65535)
    """Port of the Prometheus endpoint on the listen host. 0 takes a free one."""
    broker: str = "127.0.0.1:9092"
    """host:port[,host:port...] of a Kafka-protocol broker."""
    broker_kind: Literal["embedded", "kafka"] = "kafka"
    """``embedded``: a broker whose waiting fetches are not woken by data and that has no idempotent producer."""
    bus_member: str | None = None
    """Name of this process in Kafka consumer groups that stays the same over restarts (a StatefulSet pod's name): a
    restarted process then gets its partitions back at once. Absent: a new member each time."""
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    """Redis or Valkey."""
    database_url: SecretStr = SecretStr("postgresql+psycopg://postgres@127.0.0.1:5432/voxcart")
    """SQLAlchemy URL of PostgreSQL with pgvector; used by the shop only."""
    models_dir: Path = Field(default_factory=models_dir)
    """Directory of the model store."""
    provider: Literal["auto", "cpu", "cuda", "tensorrt"] = "auto"
    """ONNX Runtime execution provider. ``auto`` takes the best that is installed; any other must run or start fails."""
    threads: int = Field(2, ge=1, le=256)
    """Intra-op threads of each large model."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe level that is logged."""
    drain_seconds: float = Field(10.0, ge=0)
    """How long streams and messages in flight may take to finish after SIGTERM."""
    start_seconds: float = Field(120.0, gt=0)
    """How long the start may wait for the broker, Redis and PostgreSQL before the process gives up."""
    max_message_bytes: int = Field(4 * 1024 * 1024, ge=64 * 1024)
    """Largest gRPC message that is accepted."""

    asr_address: str = "127.0.0.1:50052"
    nlu_address: str = "127.0.0.1:50053"
    dialogue_address: str = "127.0.0.1:50054"
    shop_address: str = "127.0.0.1:50055"
    recsys_address: str = "127.0.0.1:50056"
    tts_address: str = "127.0.0.1:50057"

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError(f"listen must be host:port, not {value!r}")
        return value


Settings = TypeVar("Settings", bound=ServiceSettings)


def read_settings(kind: type[Settings]) -> Settings:
    """Reads a service's settings from the environment.

    Raises:
        SystemExit: A value is bad; the sentence on standard error names the variable. Status 2.
    """
    try:
        return kind()
    except ValidationError as error:
        for problem in error.errors():
            name = "VOXCART_" + "_".join(str(part) for part in problem["loc"]).upper()
            print(f"bad setting {name}: {problem['msg']}", file=sys.stderr)
        sys.exit(2)
