"""The whole system as a user starts it: ``voxcart up`` as a process, with ways to hurt its parts."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

START_SECONDS = 180


class System:
    """``voxcart up`` in a state directory. ``start`` waits until it is ready."""

    def __init__(self, state_dir: Path, *options: str) -> None:
        self.state_dir = state_dir
        self._command = [sys.executable, "-m", "voxcart", "up", "--json", "--port", "0"]
        self._command += ["--state-dir", str(state_dir), *options]
        self._process: subprocess.Popen[str] | None = None
        self.ready: dict[str, Any] = {}

    def start(self) -> "System":
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self._log = (self.state_dir / "up.log").open("w")
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"voxcart up ended with status {self._process.wait()}:\n{self.log()}")
        self.ready = json.loads(line)
        return self

    def log(self) -> str:
        """What ``voxcart up`` said."""
        return (self.state_dir / "up.log").read_text()

    @property
    def run(self) -> dict[str, Any]:
        """``run.json`` as it is now."""
        return json.loads((self.state_dir / "run.json").read_text())

    @property
    def gateway(self) -> str:
        return self.ready["gateway"]

    def address(self, service: str) -> str:
        return self.ready["services"][service]

    def processes(self) -> list[psutil.Process]:
        """The supervisor and all its descendants."""
        supervisor = psutil.Process(self._process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def kill(self, service: str) -> int:
        """``kill -9`` of a service; returns the process id that died."""
        pid = self.run["pids"][service]
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_restarted(self, service: str, dead_pid: int, timeout_seconds: float = 60) -> None:
        """Returns when another process of the service is ready."""
        deadline = time.monotonic() + timeout_seconds
        wanted = f"{service} ready again"
        while self.run["pids"][service] == dead_pid or wanted not in self.log():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{service} did not come back:\n{self.log()}")
            time.sleep(0.1)

    @contextmanager
    def paused(self, server: str) -> Iterator[None]:
        """A server that does not answer while the block runs: all its processes are stopped, connections stay open."""
        process = psutil.Process(self.run["server_pids"][server])
        family = [process, *process.children(recursive=True)]
        for one in family:
            one.suspend()
        try:
            yield
        finally:
            for one in family:
                one.resume()

    def stop(self) -> None:
        """Ctrl-C.

        Raises:
            AssertionError: It left a process behind or ended with another status than 0.
        """
        if self._process is None or self._process.poll() is not None:
            return
        family = self.processes()
        self._process.send_signal(signal.SIGINT)
        status = self._process.wait(60)
        _, alive = psutil.wait_procs(family, timeout=5)
        self._log.close()
        assert status == 0, f"voxcart up ended with status {status}:\n{self.log()}"
        assert not alive, f"left behind: {alive}"
        assert not (self.state_dir / "run.json").exists()
