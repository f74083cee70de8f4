"""Texts to vectors with multilingual-e5-small: one encoder for intents, product search and recommendations.

E5 was trained with the prefixes ``query: `` and ``passage: ``: a question or command is a query, what it is
compared with is a passage. Two texts of the same kind (paraphrases) are compared as queries. Cosine
similarities lie close together (0.7 to 1.0), so compare them with each other and not with a fixed number.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from voxcart.errors import InvalidInput
from voxcart.models import ModelStore
from voxcart.serving.sessions import SessionOptions, TensorSpec, create_session
from voxcart.unigram_tokenizer import UnigramTokenizer

MODEL = "multilingual-e5-small"
DIMENSIONS = 384
MAX_LENGTH = 512
MAX_BATCH_TOKENS = 4096
Kind = Literal["query", "passage"]

_PAD_ID = 1


class TextEncoder:
    """A text encoder on ONNX Runtime. Threads may share it; it blocks, so call it from an executor.

    Args:
        folder: the model's folder with ``encoder.onnx`` and ``tokenizer.bin``.
        options: how it runs; one CPU thread by default.
    """

    dimensions = DIMENSIONS

    def __init__(self, folder: Path, options: SessionOptions | None = None) -> None:
        self._tokenizer = UnigramTokenizer(folder / "tokenizer.bin")
        token = np.zeros((1, 8), np.int64)
        self._session = create_session(
            folder / "encoder.onnx",
            options,
            model_id=MODEL,
            inputs=[TensorSpec("input_ids", "int64", 2), TensorSpec("attention_mask", "int64", 2)],
            outputs=[TensorSpec("embedding", "float32", 2)],
            warm_up=[{"input_ids": token, "attention_mask": np.ones_like(token)}],
        )

    @classmethod
    def from_store(cls, store: ModelStore, options: SessionOptions | None = None) -> "TextEncoder":
        """The encoder of a model store.

        Raises:
            ModelMissing, ModelCorrupt: the files are not there or not right; the message names the repair.
        """
        return cls(store.require(MODEL, ("encoder.onnx", "tokenizer.bin")), options)

    def embed(self, texts: Sequence[str], kind: Kind) -> np.ndarray:
        """Encode texts of any number and length.

        A text of more than 510 tokens (about 800 Chinese characters) is read in windows of 510, whose vectors
        are averaged by their number of tokens.

        Args:
            texts: the texts, without prefix.
            kind: ``query`` or ``passage``.

        Returns:
            float32 [len(texts), 384], rows of unit length: their dot product is the cosine similarity.

        Raises:
            InvalidInput: ``kind`` is neither of the two, or ``texts`` is a single string.
        """
        if kind not in ("query", "passage"):
            raise InvalidInput(f"kind must be query or passage, got {kind!r}")
        if isinstance(texts, str):
            raise InvalidInput("texts must be a sequence of strings, not one string")
        windows: list[list[int]] = []
        owners: list[int] = []
        for index, text in enumerate(texts):
            ids = self._tokenizer.encode(f"{kind}: {text}")
            for start in range(0, len(ids), MAX_LENGTH - 2):
                windows.append(ids[start : start + MAX_LENGTH - 2])
                owners.append(index)
        vectors = self._embed_windows(windows)
        if len(windows) == len(texts):
            return vectors
        weights = np.array([len(window) for window in windows], np.float32)
        summed = np.zeros((len(texts), DIMENSIONS), np.float32)
        np.add.at(summed, owners, vectors * weights[:, None])
        return summed / np.linalg.norm(summed, axis=1, keepdims=True)

    def count_tokens(self, text: str, kind: Kind) -> int:
        """Tokens of a text with its prefix and the begin and end marks."""
        return len(self._tokenizer.encode(f"{kind}: {text}")) + 2

    def _embed_windows(self, windows: Sequence[list[int]]) -> np.ndarray:
        """Run the model on windows of similar length together, so that little is spent on padding."""
        vectors = np.empty((len(windows), DIMENSIONS), np.float32)
        batch: list[int] = []
        for index in sorted(range(len(windows)), key=lambda i: len(windows[i])):
            if batch and (len(batch) + 1) * (len(windows[index]) + 2) > MAX_BATCH_TOKENS:
                vectors[batch] = self._infer([windows[i] for i in batch])
                batch = []
            batch.append(index)
        if batch:
            vectors[batch] = self._infer([windows[i] for i in batch])
        return vectors

    def _infer(self, windows: Sequence[list[int]]) -> np.ndarray:
        length = max(map(len, windows)) + 2
        input_ids = np.full((len(windows), length), _PAD_ID, np.int64)
        attention_mask = np.zeros_like(input_ids)
        for row, window in enumerate(windows):
            input_ids[row, : len(window) + 2] = [self._tokenizer.bos_id, *window, self._tokenizer.eos_id]
            attention_mask[row, : len(window) + 2] = 1
        (embedding,) = self._session.run(["embedding"], {"input_ids": input_ids, "attention_mask": attention_mask})
        return embedding
