"""The system as ``voxcart up`` runs it: which servers, which settings, and models fetched before anything starts."""

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from voxcart.errors import InvalidInput, Unavailable
from voxcart.models import ModelStore
from voxcart.models.errors import ModelError
from voxcart.models.manifest import load_manifest
from voxcart.models.progress import default_reporter
from voxcart.models.pull import Puller
from voxcart.paths import default_state_dir, models_dir
from voxcart.ports import port_in_use
from voxcart.settings import SERVICE_PORTS
from voxcart.supervisor import Plan, Say, Server, Supervisor


@dataclass(frozen=True)
class UpOptions:
    """What ``voxcart up`` was asked for.

    Attributes:
        broker: ``embedded``, ``apache``, or host:port of one that runs already.
        port: The gateway's; None takes the default, or a free one if that is in use.
    """

    state_dir: Path | None = None
    broker: str = "embedded"
    port: int | None = None


def make_plan(options: UpOptions) -> Plan:
    """The plan for the supervisor. Servers named by ``VOXCART_DATABASE_URL`` or ``VOXCART_REDIS_URL`` are not started.

    Raises:
        InvalidInput: The broker is neither a known word nor host:port, or the port is out of range.
        Unavailable: The broker at host:port does not answer.
    """
    from voxcart.embedded import EmbeddedBroker, EmbeddedPostgres, EmbeddedValkey
    from voxcart.embedded.apache_kafka import ApacheKafka

    state_dir = (options.state_dir or default_state_dir()).absolute()
    if options.port is not None and not 0 <= options.port <= 65535:
        raise InvalidInput(f"--port must be between 0 and 65535, not {options.port}")
    servers: dict[str, Server] = {}
    environment: dict[str, str] = {"VOXCART_MODELS_DIR": str(models_dir()), "VOXCART_SHOP_DEMO": "true"}

    database = redis = None
    broker: EmbeddedBroker | ApacheKafka | None = None
    if "VOXCART_DATABASE_URL" not in os.environ:
        servers["PostgreSQL"] = database = EmbeddedPostgres(state_dir / "postgres")
    if "VOXCART_REDIS_URL" not in os.environ:
        servers["Valkey"] = redis = EmbeddedValkey(state_dir / "valkey")
    if options.broker == "embedded":
        servers["broker"] = broker = EmbeddedBroker(state_dir / "broker")
    elif options.broker == "apache":
        servers["Apache Kafka"] = broker = ApacheKafka(state_dir / "kafka")
    else:
        _check_broker(options.broker)
        environment |= {"VOXCART_BROKER": options.broker, "VOXCART_BROKER_KIND": "kafka"}

    def current_environment() -> Mapping[str, str]:
        values = dict(environment)
        if database is not None:
            values["VOXCART_DATABASE_URL"] = database.url
        if redis is not None:
            values["VOXCART_REDIS_URL"] = redis.url
        if broker is not None:
            values |= {"VOXCART_BROKER": broker.address, "VOXCART_BROKER_KIND": broker.kind}
        return values

    return Plan(state_dir, servers, current_environment, gateway_port=_gateway_port(options.port))


@asynccontextmanager
async def private_system(say: Say) -> AsyncIterator[Supervisor]:
    """A system with a fresh demo shop in a temporary state directory, stopped and removed at the end.

    Args:
        say: Told what starts, line by line.

    Raises:
        VoxcartError: A model is missing and cannot be had, or something did not start; see ``Supervisor``.
    """
    await asyncio.to_thread(pull_missing_models)
    state_dir = Path(tempfile.mkdtemp(prefix="voxcart-"))
    try:
        say("starting PostgreSQL, Valkey, a broker and seven services ...")
        async with Supervisor(make_plan(UpOptions(state_dir, port=0)), say) as system:
            yield system
            say("stopping")
    finally:
        shutil.rmtree(state_dir, ignore_errors=True)


def pull_missing_models() -> None:
    """Fetches what is missing of the default profile, with progress on standard error. Blocks.

    Raises:
        ModelError: A model could not be had; the sentence names it, the sources tried and the command that retries.
    """
    store = ModelStore()
    puller = Puller(store, default_reporter())
    for model in load_manifest().select("cpu"):
        try:
            store.require(model.name)
        except ModelError:
            puller.pull(model)


def _gateway_port(asked: int | None) -> int:
    if asked is not None:
        return asked
    default = SERVICE_PORTS["gateway"]
    return 0 if port_in_use(default) else default


def _check_broker(address: str) -> None:
    for one in address.split(","):
        host, _, port = one.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) <= 65535:
            raise InvalidInput(f"--broker must be embedded, apache or HOST:PORT, not {address!r}")
    host, _, port = address.split(",")[0].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
    except OSError as error:
        raise Unavailable(f"no broker answers at {address}: {error.strerror or error}") from error
