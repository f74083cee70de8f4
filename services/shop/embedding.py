"""Sentence embeddings for search: the encoder in its own thread, with a cache of recent queries."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, Protocol

import numpy as np

CACHED_QUERIES = 2000


class Encoder(Protocol):
    """What is needed of :class:`voxcart.text_encoder.TextEncoder`."""

    def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> np.ndarray:
        """float32 [len(texts), 384], unit length; blocks."""


class Embedder:
    """Runs an encoder off the event loop, one call at a time. Close with :meth:`aclose`."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="embed")
        self._queries: OrderedDict[str, np.ndarray] = OrderedDict()

    async def query(self, words: str) -> np.ndarray:
        """float32 [384] of a search text."""
        if words in self._queries:
            self._queries.move_to_end(words)
            return self._queries[words]
        vector = (await self._run([words], "query"))[0]
        self._queries[words] = vector
        if len(self._queries) > CACHED_QUERIES:
            self._queries.popitem(last=False)
        return vector

    async def passages(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [len(texts), 384] of what is searched."""
        return await self._run(texts, "passage")

    async def queries(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [len(texts), 384] of questions that are compared with questions."""
        return await self._run(texts, "query")

    async def _run(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> np.ndarray:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._encoder.embed, list(texts), kind)

    async def aclose(self) -> None:
        """Ends the thread; waits for the call that runs."""
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
