"""Trains the shipped intent model: ``python training/nlu/train_intents.py`` (about three minutes on two cores).

Data are the project's own example patterns (``services/nlu/data/intents.yaml``), drawn with words of the lexicon. The
temperature that calibrates probabilities is fitted on patterns held out from a first training; the shipped weights
are then trained on all patterns. Writes ``services/nlu/data/intent_model.npz``.
"""

import argparse
import sys
from collections import Counter
from datetime import UTC, datetime

import numpy as np

from training.nlu.expand import training_sentences
from voxcart.models import ModelStore
from voxcart.paths import models_dir
from voxcart.serving.sessions import SessionOptions
from voxcart.text_encoder import TextEncoder
from voxcart_services.nlu.delexicalise import delexicalise
from voxcart_services.nlu.gazetteer import Gazetteer
from voxcart_services.nlu.intent_features import FeatureSpace, ngrams
from voxcart_services.nlu.intent_model import CUE_SCALE, EMBEDDING_SCALE, MODEL_FILE
from voxcart_services.nlu.lexicon import load_lexicon
from voxcart_services.nlu.mentions import find_mentions

CLOCK = datetime(2026, 11, 21, 4, tzinfo=UTC)
MIN_GRAM_COUNT = 3
STEPS = 300


class Softmax:
    """Multinomial logistic regression with L2, trained by Adam on the full batch; features are dense."""

    def __init__(self, num_features: int, num_classes: int, decay: np.ndarray) -> None:
        self.weights = np.zeros((num_features, num_classes), np.float32)
        self.bias = np.zeros(num_classes, np.float32)
        self._decay = decay[:, None]

    def fit(self, features: np.ndarray, labels: np.ndarray, sample_weights: np.ndarray, steps: int) -> None:
        """Full-batch Adam; ``features`` float32 [n, f], ``labels`` int [n], ``sample_weights`` float32 [n]."""
        moment, velocity = np.zeros_like(self.weights), np.zeros_like(self.weights)
        bias_moment, bias_velocity = np.zeros_like(self.bias), np.zeros_like(self.bias)
        total = sample_weights.sum()
        for step in range(1, steps + 1):
            error = self.probabilities(features)
            error[np.arange(len(labels)), labels] -= 1.0
            error *= (sample_weights / total)[:, None]
            gradient = features.T @ error + self._decay * self.weights
            bias_gradient = error.sum(axis=0)
            rate = 0.05 * (1 - 0.9 * step / steps)
            for value, grad, m, v in (
                (self.weights, gradient, moment, velocity),
                (self.bias, bias_gradient, bias_moment, bias_velocity),
            ):
                m += 0.1 * (grad - m)
                v += 0.01 * (grad * grad - v)
                value -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.99**step)) + 1e-8)

    def logits(self, features: np.ndarray) -> np.ndarray:
        """float32 [n, num_classes]."""
        return features @ self.weights + self.bias

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """float32 [n, num_classes], rows summing to 1."""
        return softmax(self.logits(features))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of least negative log likelihood on a grid (Guo et al., ICML 2017, section 4.2)."""
    grid = np.geomspace(0.5, 4.0, 60)
    losses = [-np.log(softmax(logits / t)[np.arange(len(labels)), labels] + 1e-9).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])


def embed_all(encoder: TextEncoder, texts: list[str]) -> dict[str, np.ndarray]:
    """One embedding a distinct text, in batches of like length."""
    distinct = sorted(set(texts), key=len)
    vectors: dict[str, np.ndarray] = {}
    for start in range(0, len(distinct), 64):
        batch = distinct[start : start + 64]
        vectors.update(zip(batch, encoder.embed(batch, kind="query"), strict=True))
    return vectors


def main() -> int:
    """Trains, reports held-out accuracy per role, and writes the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-pattern", type=int, default=6)
    parser.add_argument("--noise", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
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
    vectors = embed_all(encoder, list(masked.values()))
    center = np.mean(list(vectors.values()), axis=0)
    print(f"{len(masked)} sentences, {len(vectors)} distinct after masking, {len(vocabulary)} n-grams", file=sys.stderr)

    arrays: dict[str, np.ndarray] = {
        "vocabulary": np.array(vocabulary),
        "cue_names": np.array(space.cue_names),
        "center": center.astype(np.float16),
    }
    for role, rows in drawn.items():
        train_role(role, rows, masked, vectors, center, space, len(vocabulary), arrays)
    np.savez_compressed(MODEL_FILE, **arrays)
    print(f"wrote {MODEL_FILE.name}, {MODEL_FILE.stat().st_size / 1e6:.2f} MB", file=sys.stderr)
    return 0


def train_role(role, rows, masked, vectors, center, space, num_grams, arrays) -> None:  # noqa: PLR0913
    """Fits one role's weights and temperature into ``arrays``."""
    intents = sorted({intent for _, intent, _ in rows})
    labels = np.array([intents.index(intent) for _, intent, _ in rows])
    patterns = np.array([pattern for _, _, pattern in rows])
    dimensions = len(center)
    features = np.zeros((len(rows), dimensions + num_grams + len(space.cue_names)), np.float32)
    for index, (text, _, _) in enumerate(rows):
        columns, weight = space.sparse_columns(text, masked[text])
        features[index, :dimensions] = (vectors[masked[text]] - center) * EMBEDDING_SCALE
        features[index, dimensions + columns] = weight
        features[index, dimensions + num_grams :] = space.cue_vector(text) * CUE_SCALE
    per_intent = np.bincount(labels, minlength=len(intents))
    sample_weights = (1.0 / np.sqrt(per_intent))[labels].astype(np.float32)
    decay = np.full(features.shape[1], 2e-5, np.float32)

    held = patterns % 7 == 0
    trial = Softmax(features.shape[1], len(intents), decay)
    trial.fit(features[~held], labels[~held], sample_weights[~held], STEPS)
    logits = trial.logits(features[held])
    accuracy = float((logits.argmax(axis=1) == labels[held]).mean())
    temperature = fit_temperature(logits, labels[held])
    print(f"{role}: held-out patterns {accuracy:.3f} of {held.sum()}, temperature {temperature:.2f}", file=sys.stderr)

    model = Softmax(features.shape[1], len(intents), decay)
    model.fit(features, labels, sample_weights, STEPS)
    arrays |= {
        f"{role}_intents": np.array(intents),
        f"{role}_embedding": model.weights[:dimensions].astype(np.float16),
        f"{role}_grams": model.weights[dimensions : dimensions + num_grams].astype(np.float16),
        f"{role}_cues": model.weights[dimensions + num_grams :].astype(np.float16),
        f"{role}_bias": model.bias,
        f"{role}_temperature": np.array(temperature, np.float32),
    }


if __name__ == "__main__":
    raise SystemExit(main())
