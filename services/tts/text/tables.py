"""Reads the tables that belong to the service (``services/tts/data``)."""

from importlib import resources


def read_table(name: str) -> list[list[str]]:
    """The rows of a tab-separated file of this service's data; ``#`` starts a comment line."""
    text = resources.files("voxcart_services.tts").joinpath("data", name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def read_lexicon(name: str) -> dict[str, str]:
    """A table of two columns: entry -> pronunciation."""
    return {row[0]: row[1] for row in read_table(name)}
