"""What every source of model files has in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voxcart.models.manifest import FileSpec, SourceSpec
from voxcart.models.progress import Reporter


@dataclass
class FetchContext:
    """State of one pull, shared by its sources.

    Attributes:
        staging: folder for downloads of this model; kept when a pull is interrupted, so that the next goes on.
        reporter: where progress goes.
        unreachable: hosts (or clients) that did not answer in this pull, with the reason; they are not
            asked again.
    """

    staging: Path
    reporter: Reporter
    unreachable: dict[str, str] = field(default_factory=dict)


class Source(ABC):
    """One place that provides files of a model."""

    def __init__(self, spec: SourceSpec, context: FetchContext) -> None:
        self.spec = spec
        self.context = context

    @abstractmethod
    def prepare(self, files: Sequence[FileSpec]) -> None:
        """Do once what all the files need, such as downloading the packages that hold them.

        Raises:
            SourceUnreachable: the source cannot be reached.
            SourceError: the source does not have what the manifest says.
        """

    @abstractmethod
    def fetch(self, file: FileSpec, target: Path) -> None:
        """Write one file to ``target`` (in the staging folder). Blocks until it is there.

        Raises:
            SourceUnreachable: the source cannot be reached.
            SourceError: the source does not have the file.
        """

    @abstractmethod
    def discard(self, file: FileSpec) -> None:
        """Drop what was downloaded for a file that turned out wrong, so that the next try starts afresh."""
