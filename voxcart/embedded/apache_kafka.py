"""Apache Kafka itself, one KRaft node on the loopback address: fetched once with Maven, run with Java 17."""

import asyncio
import os
import re
import shutil
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from filelock import FileLock, Timeout

from voxcart.embedded.process import ServerProcess, accepts_connections
from voxcart.errors import Unavailable
from voxcart.paths import data_dir
from voxcart.ports import free_port

POM = Path(__file__).with_name("apache_kafka_pom.xml")
MIN_JAVA = 17
_FETCH_SECONDS = 600.0

_JAVA_OPTIONS = (
    "-Xms64m",
    "-Xmx320m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Djava.awt.headless=true",
)

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={log_dir}
num.partitions=8
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=1
log.segment.bytes=67108864
log.cleaner.dedupe.buffer.size=16777216
"""


class ApacheKafka(ServerProcess):
    """Apache Kafka with the topics on disk: a restart loses nothing.

    Attributes:
        kind: For ``VOXCART_BROKER_KIND``.
    """

    name = "Apache Kafka"
    kind = "kafka"

    def __init__(self, directory: Path, port: int | None = None) -> None:
        super().__init__(directory, start_seconds=60.0)
        self.port = port or free_port()
        self._controller_port = free_port()

    @property
    def address(self) -> str:
        """For ``VOXCART_BROKER``."""
        return f"127.0.0.1:{self.port}"

    async def prepare(self) -> list[str]:
        java = await find_java()
        libraries = await fetch_libraries()
        properties = self.directory / "server.properties"
        log_dir = self.directory / "log"
        properties.write_text(
            _PROPERTIES.format(port=self.port, controller_port=self._controller_port, log_dir=log_dir)
        )
        command = [java, *_JAVA_OPTIONS, "-cp", f"{libraries}/*"]
        if not (log_dir / "meta.properties").exists():
            cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            await _run(
                [*command, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", str(properties)],
                60.0,
            )
        return [*command, "kafka.Kafka", str(properties)]

    async def answers(self) -> bool:
        return await accepts_connections(self.port)


def kafka_version() -> str:
    """The version that is fetched."""
    found = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([^<]+)</version>", POM.read_text())
    if found is None:
        raise ValueError(f"{POM.name} names no version of kafka_2.13")
    return found[1]


async def find_java() -> str:
    """The java program of ``JAVA_HOME`` or the path.

    Raises:
        Unavailable: There is none, or it is older than Java 17.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        raise Unavailable(f"Apache Kafka needs Java {MIN_JAVA} or newer, and no java was found")
    output = await _run([java, "-version"], 20.0)
    found = re.search(r'version "(\d+)', output)
    if found is None or int(found[1]) < MIN_JAVA:
        raise Unavailable(f"Apache Kafka needs Java {MIN_JAVA} or newer; {java} says: {output.splitlines()[0]}")
    return java


async def fetch_libraries() -> Path:
    """The folder with Kafka's jars; fetched with Maven the first time. Safe when two processes do so at once.

    Raises:
        Unavailable: Maven is missing or could not fetch them.
    """
    folder = data_dir() / f"kafka-{kafka_version()}"
    libraries = folder / "lib"
    if libraries.is_dir():
        return libraries
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable(
            "Apache Kafka is fetched with Maven, and no mvn was found; install Maven or use --broker HOST:PORT"
        )
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "fetch.lock", blocking=False)
    while True:
        try:
            with lock:
                if not libraries.is_dir():
                    await _fetch(maven, folder, libraries)
                return libraries
        except Timeout:
            await asyncio.sleep(0.5)


async def _fetch(maven: str, folder: Path, libraries: Path) -> None:
    """Copies the jars into a scratch folder, which becomes ``libraries`` when it is complete."""
    scratch = folder / "lib.partial"
    shutil.rmtree(scratch, ignore_errors=True)
    await _run(
        [
            *(maven, "-q", "-B", "-f", str(POM), f"-DoutputDirectory={scratch}", "-DincludeScope=runtime"),
            "dependency:copy-dependencies",
        ],
        _FETCH_SECONDS,
    )
    scratch.replace(libraries)


async def _run(command: list[str], timeout_s: float) -> str:
    """Runs a program to its end; returns what it printed.

    Raises:
        Unavailable: It failed or took too long; the sentence ends with its last lines.
    """
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), timeout_s)
    except BaseException as error:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if isinstance(error, TimeoutError):
            raise Unavailable(f"{Path(command[0]).name} took longer than {timeout_s:g} s") from error
        raise
    text = output.decode(errors="replace")
    if process.returncode:
        program, last_lines = Path(command[0]).name, "\n".join(text.strip().splitlines()[-5:])
        raise Unavailable(f"{program} ended with status {process.returncode}; its output ends:\n{last_lines}")
    return text
