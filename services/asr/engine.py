"""Loads the service's models from the store and puts the recogniser together."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxcart.models import ModelStore
from voxcart.serving.sessions import SessionOptions
from voxcart_services.asr.config import AsrSettings
from voxcart_services.asr.context import ShopWords
from voxcart_services.asr.recognition import SpeechEngine
from voxcart_services.asr.recognizer import Recognizer, RecognizerParts, RecognizerRules
from voxcart_services.asr.text.correction import Corrector
from voxcart_services.asr.text.llm import LlmCorrector, LlmSettings
from voxcart_services.asr.text.pipeline import TextPipeline
from voxcart_services.asr.transducer.engine import TransducerEngine, TransducerOptions, load_transducer
from voxcart_services.asr.turns.smart_turn import SmartTurn, TurnModel
from voxcart_services.asr.turns.vad_pool import SileroModel, SileroVad
from voxcart_services.asr.whisper.engine import WhisperEngine, WhisperRules, load_whisper
from voxcart_services.asr.whisper.transcription import BeamRules

_VAD_FILE = "silero_vad_16k_op15.onnx"
_TURN_FILE = "smart-turn-v3.2-cpu.onnx"
_RATE_HZ = 16_000


@dataclass(frozen=True)
class AsrModels:
    """The loaded models; shared, without state of a call.

    Attributes:
        new_engine: Makes an engine over the loaded recognition model.
        engine_name, model_name: What that is.
        vad: Voice activity.
        turn: Judges whether a turn is complete.
        llm: The language model behind an endpoint that corrects finals, if there is one.
    """

    new_engine: Callable[[], SpeechEngine]
    engine_name: str
    model_name: str
    vad: SileroModel
    turn: TurnModel
    llm: LlmSettings | None = None


def load_models(settings: AsrSettings) -> AsrModels:
    """Loads and warms all models; blocks for seconds.

    Raises:
        ModelMissing, ModelCorrupt: A file is not in the store or has other bytes.
        SessionError: A model cannot run as the settings ask.
    """
    store = ModelStore(settings.models_dir)
    vad = SileroModel(store.path("silero-vad", _VAD_FILE))
    turn = SmartTurn(store.path("smart-turn", _TURN_FILE), SessionOptions(provider="cpu", threads=1))
    turn.probability_complete(np.zeros(_RATE_HZ, dtype=np.float32))
    load = {"whisper": _load_whisper, "transducer": _load_transducer}[settings.asr_engine]
    return AsrModels(
        load(store, settings), settings.asr_engine, Path(settings.asr_model).name, vad, turn, settings.llm()
    )


def make_recognizer(
    models: AsrModels, corrector: Corrector, rules: RecognizerRules, shop_words: ShopWords | None = None
) -> Recognizer:
    """A recogniser over loaded models; call it where an event loop runs.

    Args:
        models: From `load_models`.
        corrector: Shared with whoever feeds it the catalogue.
        rules: Limits and thresholds.
        shop_words: The same, for biasing.
    """
    llm = LlmCorrector(models.llm) if models.llm else None
    text = TextPipeline(corrector, llm)
    text.process("我想买三斤苹果", tenant="")
    parts = RecognizerParts(
        engine=models.new_engine(),
        vad=SileroVad(models.vad),
        turn=models.turn,
        text=text,
        shop_words=shop_words or ShopWords(),
        llm=llm,
        engine_name=models.engine_name,
        model_name=models.model_name,
    )
    return Recognizer(parts, rules)


def _load_whisper(store: ModelStore, settings: AsrSettings) -> Callable[[], SpeechEngine]:
    rules = WhisperRules(
        tail_stride=settings.asr_tail_stride,
        full_window=settings.asr_full_window,
        beam=BeamRules(width=settings.asr_beam_size),
        max_waiting=settings.asr_max_streams + 1,
        max_batch=settings.asr_max_batch,
    )
    loaded = load_whisper(store, settings.asr_model, _session_options(settings), rules)
    return functools.partial(WhisperEngine, loaded, rules)


def _load_transducer(store: ModelStore, settings: AsrSettings) -> Callable[[], SpeechEngine]:
    given = Path(settings.asr_model)
    folder = given if given.is_dir() else store.require(settings.asr_model)
    loaded = load_transducer(folder, _session_options(settings))
    return functools.partial(TransducerEngine, loaded, TransducerOptions(beam_size=settings.asr_beam_size))


def _session_options(settings: AsrSettings) -> SessionOptions:
    return SessionOptions(provider=settings.provider, threads=settings.threads)
