"""Voice activity of many streams in batches: each stream gets what it would get alone."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tiny_silero import plain_probabilities, random_weights, write_silero
from voxcart.errors import InvalidInput, Unavailable, WrongState
from voxcart_services.asr.turns.vad import FRAME_SAMPLES
from voxcart_services.asr.turns.vad_pool import SileroModel, SileroVad, first_loud, gather_seconds

pytestmark = pytest.mark.unit

WEIGHTS = random_weights(7)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SileroModel:
    return SileroModel(write_silero(tmp_path_factory.mktemp("vad") / "silero.onnx", WEIGHTS))


def sound(seed: int, num_frames: int, level: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, (num_frames, FRAME_SAMPLES)).astype(np.float32)


async def push_all(vad: SileroVad, frames: np.ndarray, cuts: list[int]) -> np.ndarray:
    stream = vad.stream()
    return np.concatenate([await stream.push_frames(part) for part in np.split(frames, sorted(cuts))])


def test_dense_products_compute_the_published_network(model: SileroModel) -> None:
    frames = sound(1, 12)
    found = asyncio.run(push_all(SileroVad(model), frames, []))
    assert found == pytest.approx(plain_probabilities(WEIGHTS, frames), abs=1e-5)


def test_another_network_is_refused(tmp_path: Path) -> None:
    weights = random_weights(1)
    del weights["model.decoder.rnn.weight_hh"]
    with pytest.raises(ValueError, match="weight_hh"):
        SileroModel(write_silero(tmp_path / "other.onnx", weights))


def test_a_batch_equals_its_singles(model: SileroModel) -> None:
    lengths = [1, 7, 3, 20, 1, 12]
    sounds = [sound(seed, length) for seed, length in enumerate(lengths)]

    async def together() -> list[np.ndarray]:
        vad = SileroVad(model)
        return await asyncio.gather(*(push_all(vad, frames, [len(frames) // 2]) for frames in sounds))

    for frames, found in zip(sounds, asyncio.run(together()), strict=True):
        alone = asyncio.run(push_all(SileroVad(model), frames, []))
        assert np.allclose(found, alone, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 24), max_size=6), quiet=st.integers(0, 24))
def test_cutting_changes_nothing(model: SileroModel, cuts: list[int], quiet: int) -> None:
    frames = sound(3, 24)
    frames[:quiet] *= 1e-5
    whole = asyncio.run(push_all(SileroVad(model), frames, []))
    assert np.allclose(asyncio.run(push_all(SileroVad(model), frames, cuts)), whole, atol=1e-5)


def test_near_silence_is_answered_without_the_model_until_something_is_heard(model: SileroModel) -> None:
    frames = np.concatenate([sound(1, 5, 1e-4), sound(2, 3), sound(3, 4, 1e-4)])

    async def work() -> tuple[np.ndarray, np.ndarray]:
        stream = SileroVad(model).stream()
        first = await stream.push_frames(frames)
        stream.reset()
        return first, await stream.push_frames(frames[-4:])

    heard, again = asyncio.run(work())
    assert first_loud(frames) == 5
    assert not heard[:5].any()
    assert heard[5:].all(), "once awake, silent frames go through the model too"
    assert not again.any(), "after a reset it sleeps again"


def test_many_streams_share_runs_of_the_model(model: SileroModel, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    step = model.step

    def counted(features: np.ndarray, hidden: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, ...]:
        sizes.append(len(features))
        return step(features, hidden, cell)

    monkeypatch.setattr(model, "step", counted)

    async def work() -> None:
        vad = SileroVad(model)
        streams = [vad.stream() for _ in range(40)]
        await asyncio.gather(*(stream.push_frames(sound(n, 2)) for n, stream in enumerate(streams)))

    asyncio.run(work())
    assert sizes == [40, 40]


def test_a_cancelled_push_leaves_its_stream_and_the_others_as_they_were(model: SileroModel) -> None:
    frames = sound(5, 6)

    async def work() -> tuple[np.ndarray, np.ndarray]:
        vad = SileroVad(model)
        one, other = vad.stream(), vad.stream()
        await one.push_frames(frames[:2])
        given_up = asyncio.create_task(one.push_frames(frames[2:4]))
        kept = asyncio.create_task(other.push_frames(frames))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        return await one.push_frames(frames[2:]), await kept

    rest, kept = asyncio.run(work())
    whole = asyncio.run(push_all(SileroVad(model), frames, []))
    assert np.allclose(rest, whole[2:], atol=1e-5)
    assert np.allclose(kept, whole, atol=1e-5)


def test_closing_answers_everybody(model: SileroModel) -> None:
    async def work() -> None:
        vad = SileroVad(model)
        streams = [vad.stream() for _ in range(20)]
        waiting = [asyncio.create_task(stream.push_frames(sound(1, 1))) for stream in streams]
        await asyncio.sleep(0)
        await vad.aclose()
        await vad.aclose()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(answer, np.ndarray | Unavailable) for answer in answers)
        with pytest.raises(Unavailable, match="closing"):
            await streams[0].push_frames(sound(1, 1))

    asyncio.run(work())


def test_a_failing_model_fails_those_who_wait_and_no_later_ones(
    model: SileroModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: np.ndarray) -> None:
        raise RuntimeError("out of memory")

    async def work() -> None:
        vad = SileroVad(model)
        streams = [vad.stream() for _ in range(3)]
        with monkeypatch.context() as patch:
            patch.setattr(model, "features", broken)
            pushes = [stream.push_frames(sound(1, 1)) for stream in streams]
            answers = await asyncio.gather(*pushes, return_exceptions=True)
        assert all(isinstance(answer, Unavailable) for answer in answers)
        assert len(await streams[0].push_frames(sound(1, 2))) == 2
        await vad.aclose()

    asyncio.run(work())


def test_misuse_is_refused(model: SileroModel) -> None:
    async def work() -> None:
        stream = SileroVad(model).stream()
        with pytest.raises(InvalidInput, match="512"):
            await stream.push_frames(np.zeros((2, 500), np.float32))
        assert len(await stream.push_frames(np.zeros((0, 512), np.float32))) == 0
        first = asyncio.create_task(stream.push_frames(sound(1, 1)))
        await asyncio.sleep(0)
        with pytest.raises(WrongState, match="one push"):
            await stream.push_frames(sound(1, 1))
        with pytest.raises(WrongState, match="reset"):
            stream.reset()
        await first

    asyncio.run(work())


def test_gathering_grows_with_the_streams_and_is_bounded() -> None:
    waits = [gather_seconds(num_streams) for num_streams in (1, 8, 9, 50, 200, 5_000)]
    assert waits[:2] == [0, 0]
    assert waits == sorted(waits)
    assert waits[-1] == 0.032
