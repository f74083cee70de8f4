"""Loads the service's models from the store and puts the recogniser together."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from voxcart.models import ModelStore
from voxcart.serving.sessions import SessionOptions
from voxcart.telemetry.logs import get_logger
from voxcart_services.asr.config import AsrSettings
from voxcart_services.asr.recognizer import Recognizer, RecognizerRules
from voxcart_services.asr.text.correction import Corrector
from voxcart_services.asr.text.pipeline import TextPipeline
from voxcart_services.asr.text.words import general_counts
from voxcart_services.asr.turns.smart_turn import SmartTurn, TurnModel
from voxcart_services.asr.turns.vad import SileroVad, Vad
from voxcart_services.asr.whisper.decode import DecodeOptions, Transcriber, WhisperDecoder
from voxcart_services.asr.whisper.features import SAMPLE_RATE_HZ
from voxcart_services.asr.whisper.model import WhisperModel
from voxcart_services.asr.whisper.tokens import WhisperTokens

log = get_logger(__name__)

_WHISPER_FILES = ("encoder.onnx", "decoder.onnx", "whisper.json", "tokenizer.json")
_VAD_FILE = "silero_vad_16k_op15.onnx"
_TURN_FILE = "smart-turn-v3.2-cpu.onnx"


def load_transcriber(settings: AsrSettings) -> Transcriber:
    """Loads Whisper, keeps the silence tail, and warms up; blocks for about two seconds.

    Raises:
        ModelMissing, ModelCorrupt: A file is not in the store or has other bytes.
    """
    folder = ModelStore(settings.models_dir).require(settings.asr_model, _WHISPER_FILES)
    options = SessionOptions(provider=settings.provider, threads=settings.threads)
    model = WhisperModel(folder, options, tail_stride=settings.asr_tail_stride)
    started = time.perf_counter()
    model.prepare_tail()
    decoder = WhisperDecoder(model, WhisperTokens(folder / "tokenizer.json"))
    decoder.transcribe(np.zeros(2 * SAMPLE_RATE_HZ, dtype=np.float32), DecodeOptions())
    log.info("recognition model is warm", model=settings.asr_model, seconds=round(time.perf_counter() - started, 3))
    return decoder


@dataclass(frozen=True)
class AsrModels:
    """The loaded models; shared, without state of a call."""

    transcriber: Transcriber
    vad: Vad
    turn: TurnModel


def load_models(settings: AsrSettings) -> AsrModels:
    """Loads and warms all models; blocks for seconds.

    Raises:
        ModelMissing, ModelCorrupt: A file is not in the store or has other bytes.
    """
    store = ModelStore(settings.models_dir)
    vad = SileroVad(store.path("silero-vad", _VAD_FILE))
    turn = SmartTurn(store.path("smart-turn", _TURN_FILE), SessionOptions(provider="cpu", threads=1))
    turn.probability_complete(np.zeros(SAMPLE_RATE_HZ, dtype=np.float32))
    general_counts()
    return AsrModels(load_transcriber(settings), vad, turn)


def make_recognizer(models: AsrModels, corrector: Corrector, rules: RecognizerRules) -> Recognizer:
    """A recogniser over loaded models; call it where an event loop runs.

    Args:
        models: From `load_models`.
        corrector: Shared with whoever feeds it the catalogue.
        rules: Limits and thresholds.
    """
    text = TextPipeline(corrector)
    text.process("我想买三斤苹果", tenant="")
    return Recognizer(models.transcriber, models.vad, models.turn, text, rules)
