"""Word lists that come with the service, under `data/`."""

from __future__ import annotations

from importlib import resources


def read_words(name: str) -> list[str]:
    """The words of a list: several a line, `#` starts a comment."""
    text = resources.files("voxcart_services.asr").joinpath(f"data/{name}").read_text(encoding="utf-8")
    return [word for line in text.splitlines() for word in line.split("#", 1)[0].split()]
