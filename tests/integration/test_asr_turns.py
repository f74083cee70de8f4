"""Turn taking with the real models: batched Silero is Silero, smart-turn sees the silence to come, far talk is told."""

import asyncio
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import soundfile

from voxcart.models import ModelStore
from voxcart.serving.sessions import SessionOptions
from voxcart.speech_data.noises import room_tone
from voxcart.speech_data.rooms import add_room, room_response
from voxcart_services.asr.turns.endpointing import GateRules, SpeechGate
from voxcart_services.asr.turns.foreground import ForegroundRules, SpeechLevel, judge_foreground, measure_voice
from voxcart_services.asr.turns.smart_turn import SmartTurn
from voxcart_services.asr.turns.vad import FRAME_SAMPLES
from voxcart_services.asr.turns.vad_pool import SileroModel, SileroVad

pytestmark = [pytest.mark.integration, pytest.mark.model]

CLIPS = sorted((Path(__file__).parents[1] / "data" / "asr").glob("zh*.flac"))
RATE_HZ = 16_000


def clip(index: int, peak: float = 0.5) -> np.ndarray:
    samples, rate_hz = soundfile.read(CLIPS[index], dtype="float32")
    assert rate_hz == RATE_HZ
    return samples * (peak / np.abs(samples).max())


def in_room(speech: np.ndarray, noise: float = 0.0003, seed: int = 0) -> np.ndarray:
    """Speech with half a second before and after it, over a quiet room's tone; whole frames."""
    silence = np.zeros(RATE_HZ // 2, np.float32)
    samples = np.concatenate([silence, speech, silence])
    samples = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES]
    return samples + noise * room_tone(np.random.default_rng(seed), len(samples))


def published_probabilities(path: Path, frames: np.ndarray) -> np.ndarray:
    """What the published graph gives for a stream, frame by frame."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    state, context, found = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32), []
    for frame in frames:
        window = np.concatenate([context, frame])[None]
        output, state = session.run(None, {"input": window, "state": state, "sr": np.array(RATE_HZ, np.int64)})
        context = frame[-64:]
        found.append(output[0, 0])
    return np.array(found)


@pytest.fixture(scope="module")
def silero_path(models_dir: Path) -> Path:
    return ModelStore(models_dir).path("silero-vad", "silero_vad_16k_op15.onnx")


@pytest.fixture(scope="module")
def silero(silero_path: Path) -> SileroModel:
    return SileroModel(silero_path)


def probabilities(model: SileroModel, *sounds: np.ndarray) -> list[np.ndarray]:
    """Speech probabilities of streams that are heard together."""

    async def work() -> list[np.ndarray]:
        vad = SileroVad(model)
        pushes = [vad.stream().push_frames(sound.reshape(-1, FRAME_SAMPLES)) for sound in sounds]
        found = await asyncio.gather(*pushes)
        await vad.aclose()
        return found

    return asyncio.run(work())


def gate_states(found: np.ndarray) -> list[tuple[bool, int, int]]:
    gate, states = SpeechGate(GateRules()), []
    for probability in found.tolist():
        gate.push(probability)
        states.append((gate.is_open, gate.voiced_frames, gate.pause_frames))
    return states


def test_a_batch_of_streams_is_decided_as_by_the_published_network(silero: SileroModel, silero_path: Path) -> None:
    sounds = [in_room(clip(index), noise, seed=index) for index, noise in ((0, 0.001), (1, 0.01), (2, 0.002))]
    for sound, found in zip(sounds, probabilities(silero, *sounds), strict=True):
        expected = published_probabilities(silero_path, sound.reshape(-1, FRAME_SAMPLES))
        assert np.allclose(found, expected, atol=1e-4)
        assert gate_states(found) == gate_states(expected)
        assert gate_states(found)[-1][1] > 10


@pytest.mark.parametrize("peak", [0.5, 0.02, 0.005])
def test_sleeping_through_silence_misses_no_quiet_speaker(silero: SileroModel, silero_path: Path, peak: float) -> None:
    sound = in_room(clip(1, peak), noise=0.0)
    (found,) = probabilities(silero, sound)
    expected = published_probabilities(silero_path, sound.reshape(-1, FRAME_SAMPLES))
    voiced, expected_voiced = gate_states(found)[-1][1], gate_states(expected)[-1][1]
    assert voiced >= 0.9 * expected_voiced > 0


def test_smart_turn_asked_early_says_what_it_says_at_the_whole_pause(models_dir: Path) -> None:
    path = ModelStore(models_dir).path("smart-turn", "smart-turn-v3.2-cpu.onnx")
    options = SessionOptions(provider="cpu", threads=1)
    early, bare = SmartTurn(path, options), SmartTurn(path, options, silence_to_come_ms=0)
    for index in range(3):
        speech = clip(index)
        asked_early = early.probability_complete(np.concatenate([speech, np.zeros(1_536, np.float32)]))
        asked_late = bare.probability_complete(np.concatenate([speech, np.zeros(3_072, np.float32)]))
        assert asked_early == pytest.approx(asked_late, abs=1e-3)
    assert 0 <= early.probability_complete(np.zeros(0, np.float32)) <= 1
    assert 0 <= early.probability_complete(np.concatenate([clip(0)] * 8)) <= 1


def test_a_television_across_the_room_is_told_from_the_speaker(silero: SileroModel) -> None:
    rng = np.random.default_rng(3)
    near = [in_room(clip(index, peak), 0.001) for index, peak in ((0, 0.5), (1, 0.35), (2, 0.6))]
    rooms = [room_response(rng, RATE_HZ, reverberation_s) for reverberation_s in (0.6, 0.7)]
    far = [in_room(add_room(clip(index, 0.03), rooms[index]), 0.001, seed=index) for index in (0, 1)]
    level, rules = SpeechLevel(), ForegroundRules()
    found = probabilities(silero, *near, *far)
    measures = [measure_voice(sound, each) for sound, each in zip([*near, *far], found, strict=True)]
    for one in measures[:3]:
        assert not judge_foreground(one, level, 0.75, False, rules).is_background
        level.accept(one.speech_dbfs)
    assert all(judge_foreground(one, level, 0.6, False, rules).is_background for one in measures[3:])
    assert not any(judge_foreground(one, SpeechLevel(), 0.6, False, rules).is_background for one in measures[3:])
    quieter = measure_voice(*_heard(silero, in_room(clip(1, 0.2), 0.001)))
    assert not judge_foreground(quieter, level, 0.7, False, rules).is_background


def _heard(silero: SileroModel, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return sound, probabilities(silero, sound)[0]
