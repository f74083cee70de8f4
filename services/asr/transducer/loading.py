"""Loads a transducer's networks and tokens from a folder."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxcart.serving.sessions import SessionOptions
from voxcart.telemetry.logs import get_logger
from voxcart_services.asr.transducer.features import SAMPLE_RATE_HZ, Fbank
from voxcart_services.asr.transducer.model import TransducerModel
from voxcart_services.asr.transducer.tokens import TokenTable

log = get_logger(__name__)


@dataclass(frozen=True)
class LoadedTransducer:
    """The networks and the token table; shared, without state of an utterance."""

    model: TransducerModel
    tokens: TokenTable


def load_transducer(folder: Path, session: SessionOptions | None = None) -> LoadedTransducer:
    """Loads and warms a model; blocks for up to seconds.

    Args:
        folder: With `encoder*.onnx`, `decoder*.onnx`, `joiner*.onnx`, `tokens.txt`, and `bpe.vocab` if the model has
            one (it makes the spelling of Latin hot words exact).
        session: How ONNX Runtime runs them.

    Raises:
        ModelLayoutError: A file is missing or is not what it should be.
        SessionError: ONNX Runtime cannot load a file as asked.
    """
    started = time.perf_counter()
    model = TransducerModel(folder, session)
    tokens = TokenTable(folder / "tokens.txt", model.vocab_size)
    Fbank(model.num_mels).frames(np.zeros(SAMPLE_RATE_HZ, dtype=np.float32), 0, 0, 1, is_whole=False)
    log.info(
        "transducer is warm",
        model=folder.name,
        type=model.model_type,
        step_ms=model.shift_frames * 10,
        tokens=model.vocab_size,
        seconds=round(time.perf_counter() - started, 3),
    )
    return LoadedTransducer(model, tokens)
