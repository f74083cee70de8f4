"""Where model files come from: hub repositories, plain addresses, and registry packages.

Each source turns a target path of a model into a file in a staging folder. Sources neither check hashes nor
touch the final folder; the pull does both.
"""

from voxcart.models.sources.base import FetchContext, Source
from voxcart.models.sources.http import HttpSource
from voxcart.models.sources.npm import NpmSource
from voxcart.models.sources.pypi import PypiSource

__all__ = ["SOURCES", "FetchContext", "HttpSource", "NpmSource", "PypiSource", "Source"]

SOURCES: dict[str, type[Source]] = {
    "hub": HttpSource,
    "url": HttpSource,
    "pypi": PypiSource,
    "npm": NpmSource,
}
