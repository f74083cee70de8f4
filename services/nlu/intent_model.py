"""The intent classifier: multinomial logistic regression over sentence features, one per role.

Weights are trained by ``training/nlu/train_intents.py`` on the project's own example sentences and shipped as
``data/intent_model.npz``. Probabilities are calibrated by one temperature per role, fitted on held-out examples.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from voxcart_services.nlu.intent_features import FeatureSpace
from voxcart_services.nlu.lexicon import DATA_DIR
from voxcart_services.nlu.spans import IntentScore

MODEL_FILE = DATA_DIR / "intent_model.npz"
EMBEDDING_SCALE = 4.0
CUE_SCALE = 0.5


class IntentModel(Protocol):
    """What ranks intents; a trained encoder can take the place of the linear one."""

    def rank(self, text: str, delexicalised: str, embedding: np.ndarray, role: str) -> list[IntentScore]:
        """All intents open to the role, best first, probabilities summing to 1."""
        ...


@dataclass(frozen=True, slots=True)
class _RoleWeights:
    intents: list[str]
    embedding: np.ndarray  # float32 [dimensions, num_intents]
    grams: np.ndarray  # float32 [num_grams, num_intents]
    cues: np.ndarray  # float32 [num_cues, num_intents]
    bias: np.ndarray  # float32 [num_intents]
    temperature: float


class LinearIntentModel:
    """Reads the shipped weights; light, without per-call state.

    Raises:
        ValueError: The file was trained with other cues than ``data/intents.yaml`` has.
    """

    def __init__(self, path: Path = MODEL_FILE) -> None:
        with np.load(path, allow_pickle=False) as data:
            self._features = FeatureSpace([str(gram) for gram in data["vocabulary"]])
            if [str(name) for name in data["cue_names"]] != self._features.cue_names:
                raise ValueError(f"{path.name} does not fit intents.yaml; run training/nlu/train_intents.py")
            self._center = data["center"].astype(np.float32)
            self._roles = {
                role: _RoleWeights(
                    [str(name) for name in data[f"{role}_intents"]],
                    data[f"{role}_embedding"].astype(np.float32),
                    data[f"{role}_grams"].astype(np.float32),
                    data[f"{role}_cues"].astype(np.float32),
                    data[f"{role}_bias"].astype(np.float32),
                    float(data[f"{role}_temperature"]),
                )
                for role in ("shopper", "merchant")
            }

    def rank(self, text: str, delexicalised: str, embedding: np.ndarray, role: str) -> list[IntentScore]:
        """All intents open to the role, best first, probabilities summing to 1."""
        weights = self._roles["merchant" if role == "merchant" else "shopper"]
        columns, gram_weight = self._features.sparse_columns(delexicalised)
        logits = weights.bias + ((embedding - self._center) * EMBEDDING_SCALE) @ weights.embedding
        logits = logits + weights.grams[columns].sum(axis=0) * gram_weight
        logits = logits + (self._features.cue_vector(text) * CUE_SCALE) @ weights.cues
        logits = logits / weights.temperature
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        order = np.argsort(-probabilities)
        return [IntentScore(weights.intents[i], float(probabilities[i])) for i in order]
