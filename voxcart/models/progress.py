"""Progress of a pull on standard error: bars on a terminal, one plain line per step elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn


class Step(Protocol):
    """One running step with a known or unknown amount of bytes."""

    def advance_to(self, done_bytes: int, total_bytes: int | None = None) -> None:
        """Say how far the step is."""


class Reporter(Protocol):
    """What a pull tells its operator."""

    def line(self, text: str) -> None:
        """Say one sentence."""

    def step(self, text: str, total_bytes: int | None) -> AbstractContextManager[Step]:
        """Show a step while the context is open."""


class _BarStep:
    def __init__(self, progress: Progress, task_id: TaskID) -> None:
        self._progress = progress
        self._task_id = task_id

    def advance_to(self, done_bytes: int, total_bytes: int | None = None) -> None:
        if total_bytes is not None:
            self._progress.update(self._task_id, total=total_bytes)
        self._progress.update(self._task_id, completed=done_bytes)


class _SilentStep:
    def advance_to(self, done_bytes: int, total_bytes: int | None = None) -> None:
        """A plain log has one line per step, not one per block."""


class TerminalReporter:
    """Bars drawn by rich; they disappear when their step is done and a line stays."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False)

    def line(self, text: str) -> None:
        self._console.print(text, markup=False)

    @contextmanager
    def step(self, text: str, total_bytes: int | None) -> Iterator[Step]:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            yield _BarStep(progress, progress.add_task(text, total=total_bytes))


class PlainReporter:
    """One line per step, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    @contextmanager
    def step(self, text: str, total_bytes: int | None) -> Iterator[Step]:
        size = f" ({total_bytes / 1e6:.0f} MB)" if total_bytes else ""
        self.line(f"{text}{size}")
        yield _SilentStep()


def default_reporter(stream: TextIO | None = None) -> Reporter:
    """Bars when standard error is a terminal, plain lines otherwise."""
    chosen = stream or sys.stderr
    return TerminalReporter(chosen) if chosen.isatty() else PlainReporter(chosen)
