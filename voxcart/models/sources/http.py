"""Files over HTTP: repositories in the Hugging Face layout, and plain addresses. Resumes by ``Range``.

The hub's address is ``VOXCART_HUB_URL``, else ``HF_ENDPOINT``, else huggingface.co. A ``file://`` address names
a local mirror with the same layout, for machines without a network.
"""

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import httpx

from voxcart.models.errors import SourceError, SourceUnreachable
from voxcart.models.manifest import FileSpec
from voxcart.models.progress import Step
from voxcart.models.sources.base import Source

DEFAULT_HUB_URL = "https://huggingface.co"
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 60.0
ATTEMPTS = 3
BACKOFF_S = 0.5


def hub_url() -> str:
    """Base address of the hub, without a trailing slash."""
    chosen = os.environ.get("VOXCART_HUB_URL") or os.environ.get("HF_ENDPOINT") or DEFAULT_HUB_URL
    return chosen.rstrip("/")


class HttpSource(Source):
    """A hub repository (``kind = "hub"``) or a base address (``kind = "url"``)."""

    def prepare(self, files: Sequence[FileSpec]) -> None:
        """Nothing to do: every file is its own download."""

    def fetch(self, file: FileSpec, target: Path) -> None:
        """Download one file, going on from a ``.part`` file that an earlier try left."""
        address = self.address_of(file)
        parts = urlsplit(address)
        if parts.scheme == "file":
            self._copy_local(Path(unquote(parts.path)), target)
            return
        if parts.netloc in self.context.unreachable:
            raise SourceUnreachable(f"{parts.netloc}: {self.context.unreachable[parts.netloc]}")
        part = target.with_name(target.name + ".part")
        part.parent.mkdir(parents=True, exist_ok=True)
        timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        with (
            httpx.Client(timeout=timeout, follow_redirects=True) as client,
            self.context.reporter.step(f"  {file.path} from {parts.netloc}", file.size_bytes) as step,
        ):
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    self._download(client, address, part, file, step)
                    break
                except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                    reason = f"cannot be reached ({str(error) or type(error).__name__})"
                    self.context.unreachable[parts.netloc] = reason
                    raise SourceUnreachable(f"{parts.netloc} {reason}") from error
                except httpx.TransportError as error:
                    if attempt == ATTEMPTS:
                        raise SourceError(
                            f"{parts.netloc} broke off {attempt} times while sending {file.path}: {error}"
                        ) from error
                    time.sleep(BACKOFF_S * attempt)
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    raise SourceError(f"{address} cannot be fetched: {error}") from error
        os.replace(part, target)

    def discard(self, file: FileSpec) -> None:
        """Nothing to do: a finished download is the staged file itself, which the pull removes."""

    def address_of(self, file: FileSpec) -> str:
        """The address of one file."""
        members = self.spec.members_of(file.path)
        if members is None or len(members) != 1:
            raise SourceError(f"{self.spec.label} does not say which file {file.path} is")
        if self.spec.kind == "url":
            return f"{self.spec.location.rstrip('/')}/{quote(members[0])}"
        return f"{hub_url()}/{self.spec.location}/resolve/{quote(self.spec.revision)}/{quote(members[0])}"

    def _copy_local(self, path: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, target)
        except OSError as error:
            raise SourceError(f"local mirror file {path}: {error.strerror}") from error

    def _download(self, client: httpx.Client, address: str, part: Path, file: FileSpec, step: Step) -> None:
        have_bytes = part.stat().st_size if part.exists() else 0
        if have_bytes > file.size_bytes:
            part.unlink()
            have_bytes = 0
        if have_bytes == file.size_bytes:
            return
        # Without identity encoding a proxy may compress, and byte ranges would count compressed bytes.
        headers = {"Accept-Encoding": "identity"}
        if have_bytes:
            headers["Range"] = f"bytes={have_bytes}-"
        with client.stream("GET", address, headers=headers) as response:
            if response.status_code not in (200, 206):
                raise SourceError(f"{self.spec.label} answered {response.status_code} for {file.path}")
            resumed = response.status_code == 206
            done_bytes = have_bytes if resumed else 0
            with part.open("ab" if resumed else "wb") as out:
                for block in response.iter_bytes():
                    out.write(block)
                    done_bytes += len(block)
                    step.advance_to(done_bytes)
                    if done_bytes > file.size_bytes:
                        raise SourceError(f"{self.spec.label} sent more than {file.size_bytes} bytes for {file.path}")
        if done_bytes < file.size_bytes:
            raise httpx.ReadError(f"connection closed after {done_bytes} of {file.size_bytes} bytes")
