"""Trains the shipped intent model: ``python training/nlu/train_intents.py`` (about three minutes on two cores).

Data are the project's own example patterns (``services/nlu/data/intents.yaml``), drawn with words of the lexicon. The
temperature that calibrates probabilities is fitted on patterns held out from a first training; the shipped weights
are then trained on all patterns. Writes ``services/nlu/data/intent_model.npz``.
"""

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from training.nlu.expand import training_sentences
from voxcart.models import ModelStore
from voxcart.paths import models_dir
from voxcart.serving.sessions import SessionOptions
from voxcart.text_encoder import DIMENSIONS, TextEncoder
from voxcart_services.nlu.delexicalise import delexicalise
from voxcart_services.nlu.gazetteer import Gazetteer
from voxcart_services.nlu.intent_features import FeatureSpace, ngrams
from voxcart_services.nlu.intent_model import CUE_SCALE, EMBEDDING_SCALE, MODEL_FILE
from voxcart_services.nlu.lexicon import load_lexicon
from voxcart_services.nlu.mentions import find_mentions

CLOCK = datetime(2026, 11, 21, 4, tzinfo=UTC)
MIN_GRAM_COUNT = 3
EPOCHS = 14
BATCH_SIZE = 256
WEIGHT_DECAY = 2e-5


@dataclass(frozen=True)
class Examples:
    """Training rows of one role; n-grams as column lists, because most of a row is zero.

    ``dense`` float32 [n, embedding + cues], ``columns`` n arrays of n-gram numbers, ``gram_weights`` float32 [n].
    """

    dense: np.ndarray
    columns: list[np.ndarray]
    gram_weights: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    num_grams: int

    def subset(self, keep: np.ndarray) -> "Examples":
        """Rows where ``keep`` is true."""
        chosen = np.flatnonzero(keep)
        return Examples(
            self.dense[chosen], [self.columns[i] for i in chosen], self.gram_weights[chosen], self.labels[chosen],
            self.weights[chosen], self.num_grams,
        )  # fmt: skip

    def rows(self, chosen: np.ndarray) -> np.ndarray:
        """float32 [len(chosen), features]: dense part, then n-grams."""
        width = self.dense.shape[1]
        block = np.zeros((len(chosen), width + self.num_grams), np.float32)
        block[:, :width] = self.dense[chosen]
        for row, index in enumerate(chosen):
            block[row, width + self.columns[index]] = self.gram_weights[index]
        return block


class Softmax:
    """Multinomial logistic regression with L2, trained by Adam on shuffled batches."""

    def __init__(self, num_features: int, num_classes: int) -> None:
        self.weights = np.zeros((num_features, num_classes), np.float32)
        self.bias = np.zeros(num_classes, np.float32)

    def fit(self, examples: Examples, epochs: int, seed: int) -> None:
        """Trains from the present weights on."""
        rng = np.random.default_rng(seed)
        state = [(value, np.zeros_like(value), np.zeros_like(value)) for value in (self.weights, self.bias)]
        count = len(examples.labels)
        num_batches = -(-count // BATCH_SIZE)
        for step in range(epochs * num_batches):
            if step % num_batches == 0:
                order = rng.permutation(count)
            chosen = order[step % num_batches * BATCH_SIZE :][:BATCH_SIZE]
            features = examples.rows(chosen)
            error = softmax(features @ self.weights + self.bias)
            error[np.arange(len(chosen)), examples.labels[chosen]] -= 1.0
            weights = examples.weights[chosen]
            error *= (weights / weights.sum())[:, None]
            gradients = (features.T @ error + WEIGHT_DECAY * self.weights, error.sum(axis=0))
            rate = 0.02 * (1 - 0.95 * step / (epochs * num_batches))
            for (value, moment, velocity), gradient in zip(state, gradients, strict=True):
                moment += 0.1 * (gradient - moment)
                velocity += 0.01 * (gradient * gradient - velocity)
                corrected = moment / (1 - 0.9 ** (step + 1))
                value -= rate * corrected / (np.sqrt(velocity / (1 - 0.99 ** (step + 1))) + 1e-8)

    def logits(self, examples: Examples) -> np.ndarray:
        """float32 [n, num_classes]."""
        every = np.arange(len(examples.labels))
        return np.concatenate([examples.rows(part) @ self.weights + self.bias for part in np.array_split(every, 16)])


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of least negative log likelihood on a grid (Guo et al., ICML 2017, section 4.2)."""
    grid = np.geomspace(0.5, 4.0, 60)
    losses = [-np.log(softmax(logits / t)[np.arange(len(labels)), labels] + 1e-9).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])


def embed_all(encoder: TextEncoder, texts: list[str], cache: Path | None) -> dict[str, np.ndarray]:
    """One embedding a distinct text, in batches of like length; ``cache`` keeps them from run to run."""
    vectors: dict[str, np.ndarray] = {}
    if cache is not None and cache.exists():
        with np.load(cache, allow_pickle=False) as stored:
            vectors = dict(zip(stored["texts"].tolist(), stored["vectors"], strict=True))
    distinct = sorted(set(texts) - vectors.keys(), key=len)
    for start in range(0, len(distinct), 64):
        batch = distinct[start : start + 64]
        vectors.update(zip(batch, encoder.embed(batch, kind="query"), strict=True))
    if cache is not None and distinct:
        np.savez(cache, texts=np.array(list(vectors)), vectors=np.array(list(vectors.values())))
    return {text: vectors[text] for text in set(texts)}


def main() -> int:
    """Trains, reports held-out accuracy per role, and writes the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-pattern", type=int, default=6)
    parser.add_argument("--noise", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", type=Path, help="file (.npz) that keeps embeddings from run to run")
    options = parser.parse_args()

    drawn = training_sentences(options.seed, options.per_pattern, options.noise)
    gazetteer = Gazetteer(load_lexicon())
    masked = {
        text: delexicalise(text, find_mentions(text, gazetteer, CLOCK))
        for rows in drawn.values()
        for text, _, _ in rows
    }
    counts = Counter(gram for text in set(masked.values()) for gram in ngrams(text))
    vocabulary = sorted(gram for gram, count in counts.items() if count >= MIN_GRAM_COUNT)
    space = FeatureSpace(vocabulary)
    encoder = TextEncoder.from_store(ModelStore(models_dir()), SessionOptions(threads=options.threads))
    vectors = embed_all(encoder, list(masked.values()), options.cache)
    center = np.mean(list(vectors.values()), axis=0)
    print(f"{len(masked)} sentences, {len(vectors)} distinct after masking, {len(vocabulary)} n-grams", file=sys.stderr)

    arrays: dict[str, np.ndarray] = {
        "vocabulary": np.array(vocabulary),
        "cue_names": np.array(space.cue_names),
        "center": center.astype(np.float16),
    }
    centred = {text: vector - center for text, vector in vectors.items()}
    for role, rows in drawn.items():
        intents = sorted({intent for _, intent, _ in rows})
        examples = examples_of(rows, intents, masked, centred, space, len(vocabulary))
        arrays |= train_role(role, examples, intents, np.array([pattern for _, _, pattern in rows]))
    np.savez_compressed(MODEL_FILE, **arrays)
    print(f"wrote {MODEL_FILE.name}, {MODEL_FILE.stat().st_size / 1e6:.2f} MB", file=sys.stderr)
    return 0


def train_role(role: str, examples: Examples, intents: list[str], patterns: np.ndarray) -> dict[str, np.ndarray]:
    """Fits one role; returns its arrays for the model file."""
    num_features = examples.dense.shape[1] + examples.num_grams
    held = patterns % 7 == 0
    trial = Softmax(num_features, len(intents))
    trial.fit(examples.subset(~held), EPOCHS, seed=1)
    unseen = examples.subset(held)
    logits = trial.logits(unseen)
    accuracy = float((logits.argmax(axis=1) == unseen.labels).mean())
    temperature = fit_temperature(logits, unseen.labels)
    print(f"{role}: held-out patterns {accuracy:.3f} of {held.sum()}, temperature {temperature:.2f}", file=sys.stderr)

    model = Softmax(num_features, len(intents))
    model.fit(examples, EPOCHS, seed=1)
    num_cues = examples.dense.shape[1] - DIMENSIONS
    return {
        f"{role}_intents": np.array(intents),
        f"{role}_embedding": model.weights[:DIMENSIONS].astype(np.float16),
        f"{role}_cues": model.weights[DIMENSIONS : DIMENSIONS + num_cues].astype(np.float16),
        f"{role}_grams": model.weights[DIMENSIONS + num_cues :].astype(np.float16),
        f"{role}_bias": model.bias,
        f"{role}_temperature": np.array(temperature, np.float32),
    }


def examples_of(
    rows: list[tuple[str, str, int]],
    intents: list[str],
    masked: dict[str, str],
    vectors: dict[str, np.ndarray],
    space: FeatureSpace,
    num_grams: int,
) -> Examples:
    """Feature rows of one role; rare intents weigh more (inverse root of their count)."""
    labels = np.array([intents.index(intent) for _, intent, _ in rows])
    dense, columns, gram_weights = [], [], []
    for text, _, _ in rows:
        found, weight = space.sparse_columns(masked[text])
        columns.append(found)
        gram_weights.append(weight)
        dense.append(np.concatenate([vectors[masked[text]] * EMBEDDING_SCALE, space.cue_vector(text) * CUE_SCALE]))
    weights = (1.0 / np.sqrt(np.bincount(labels, minlength=len(intents))))[labels]
    return Examples(
        np.array(dense, np.float32), columns, np.array(gram_weights, np.float32), labels, weights.astype(np.float32),
        num_grams,
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
