"""What a measurement was made on, and what the running system's processes cost."""

import importlib.metadata
import os
import platform
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

PACKAGES = ("voxcart", "onnxruntime", "grpcio", "aiokafka", "numpy")


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory and versions."""
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "commit": _commit(),
    }


@dataclass(frozen=True, slots=True)
class Cost:
    """What the processes of a system cost over a time.

    Attributes:
        num_processes: Processes that were alive at the end.
        rss_bytes: Resident memory at the end; pages shared between processes are counted in each.
        pss_bytes: The same with shared pages divided among their users; ``None`` where the system does not tell.
        cpu_cores: Processor time by wall time: 1.0 is one core fully used.
    """

    num_processes: int
    rss_bytes: int
    pss_bytes: int | None
    cpu_cores: float

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "processes": self.num_processes,
            "rss_gb": round(self.rss_bytes / 1e9, 3),
            "pss_gb": None if self.pss_bytes is None else round(self.pss_bytes / 1e9, 3),
            "cpu_percent_of_one_core": round(100 * self.cpu_cores, 1),
        }


class SystemMeter:
    """Measures all processes of the system that a run file describes, from :meth:`start` to :meth:`stop`."""

    def __init__(self, running: dict[str, Any]) -> None:
        """
        Args:
            running: Content of the run file of ``voxcart up``.
        """
        self._root = int(running["pid"])
        self._state_dir = str(running.get("state_dir", ""))
        self._cpu_s: dict[tuple[int, float], float] = {}
        self._started_s = 0.0

    def start(self) -> None:
        """Begins a measurement."""
        self._cpu_s = {_identity(process): _cpu_seconds(process) for process in self._processes()}
        self._started_s = time.monotonic()

    def stop(self) -> Cost:
        """What was used since :meth:`start`. A process that ended in between is not counted."""
        wall_s = time.monotonic() - self._started_s
        processes = self._processes()
        used_s = sum(_cpu_seconds(process) - self._cpu_s.get(_identity(process), 0.0) for process in processes)
        memory = [_memory(process) for process in processes]
        pss = [one for _, one in memory]
        return Cost(
            num_processes=len(processes),
            rss_bytes=sum(rss for rss, _ in memory),
            pss_bytes=None if None in pss else sum(one for one in pss if one is not None),
            cpu_cores=used_s / wall_s if wall_s > 0 else 0.0,
        )

    def _processes(self) -> list[psutil.Process]:
        """The supervisor, what it started, and servers that work in the state directory."""
        found: dict[int, psutil.Process] = {}
        try:
            root = psutil.Process(self._root)
            found = {process.pid: process for process in [root, *root.children(recursive=True)]}
        except psutil.NoSuchProcess:
            pass
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if self._state_dir and any(self._state_dir in word for word in words) and _is_server(words):
                found.update({one.pid: one for one in [process, *_children(process)]})
        return list(found.values())


def _is_server(words: list[str]) -> bool:
    return any(name in Path(words[0]).name for name in ("postgres", "valkey", "redis", "tansu", "java"))


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _identity(process: psutil.Process) -> tuple[int, float]:
    try:
        return process.pid, process.create_time()
    except psutil.NoSuchProcess:
        return process.pid, 0.0


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return times.user + times.system


def _memory(process: psutil.Process) -> tuple[int, int | None]:
    try:
        full = process.memory_full_info()
        return full.rss, getattr(full, "pss", None)
    except psutil.NoSuchProcess:
        return 0, 0
    except psutil.Error:
        return process.memory_info().rss, None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    here = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
