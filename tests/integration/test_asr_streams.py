"""Recognition streams with the real models: commands, telephones, many speakers at once, cancelled ones, noise."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from voxcart.audio.intake import PcmIntake
from voxcart.audio.pcm import to_pcm_s16le
from voxcart.speech_data.noises import room_tone
from voxcart.speech_data.rooms import add_room, room_response
from voxcart_services.asr.config import AsrSettings
from voxcart_services.asr.engine import AsrModels, load_models, make_recognizer
from voxcart_services.asr.recognizer import Recognizer
from voxcart_services.asr.results import EndOfSpeech, Final, Interim, RecognitionEvent, StartOfSpeech
from voxcart_services.asr.stream import StreamOptions
from voxcart_services.asr.text.correction import Corrector

pytestmark = [pytest.mark.integration, pytest.mark.model]

CLIPS = Path(__file__).parents[1] / "data" / "asr"
RATE_HZ = 16_000
PAUSE = np.zeros(RATE_HZ, np.float32)
FINALS_ONLY = StreamOptions(interim_results=False)


def clip(name: str) -> np.ndarray:
    samples, rate_hz = soundfile.read(CLIPS / f"{name}.flac", dtype="float32")
    assert rate_hz == RATE_HZ
    return samples


BUY_APPLES = np.concatenate([PAUSE, clip("zh00_zf_xiaobei"), PAUSE])
WHICH_PHONES = np.concatenate([PAUSE, clip("zh03_zm_yunjian"), PAUSE])
ALL_RIGHT = np.concatenate([PAUSE, clip("zh05_zm_yunyang"), PAUSE])


@pytest.fixture(scope="module")
def models(models_dir: Path) -> AsrModels:
    return load_models(AsrSettings(models_dir=models_dir, provider="cpu"))


def new_recognizer(models: AsrModels) -> Recognizer:
    return make_recognizer(models, Corrector(), AsrSettings().rules())


async def events_of(
    recognizer: Recognizer, samples: np.ndarray, options: StreamOptions = FINALS_ONLY, chunk: int = 1_600
) -> list[RecognitionEvent]:
    stream = recognizer.stream(options)
    try:
        events: list[RecognitionEvent] = []
        for start in range(0, len(samples), chunk):
            events += [event async for event in stream.push_audio(samples[start : start + chunk])]
            await asyncio.sleep(0)
        return events + [event async for event in stream.end_input()]
    finally:
        await stream.aclose()


def recognize(models: AsrModels, samples: np.ndarray, **how: object) -> list[RecognitionEvent]:
    async def work() -> list[RecognitionEvent]:
        recognizer = new_recognizer(models)
        try:
            return await events_of(recognizer, samples, **how)
        finally:
            await recognizer.aclose()

    return asyncio.run(work())


def told(events: list[RecognitionEvent]) -> list[tuple[object, ...]]:
    """What was told, interims left out; confidences differ in their third digit with the draft that helped."""
    found: list[tuple[object, ...]] = []
    for event in events:
        if isinstance(event, StartOfSpeech):
            found.append(("start", event.utterance, event.at_sample))
        elif isinstance(event, EndOfSpeech):
            found.append(("end", event.utterance, event.at_sample, event.no_speech))
        elif isinstance(event, Final):
            found.append(("final", event.utterance, event.transcript.text, event.transcript.raw_text))
    return found


def texts(events: list[RecognitionEvent]) -> list[str]:
    """Final texts without the sign at their end."""
    return [event.transcript.text.rstrip("?？。！") for event in events if isinstance(event, Final)]


def test_commands_are_understood_in_a_stream(models: AsrModels) -> None:
    events = recognize(models, np.concatenate([BUY_APPLES, WHICH_PHONES, ALL_RIGHT]))
    assert texts(events) == ["我想买苹果", "2000元以下的华为手机有哪些", "好的"]


def test_a_speaker_who_is_suddenly_26_db_fainter_is_not_taken_for_a_television(models: AsrModels) -> None:
    tone = 0.0005 * room_tone(np.random.default_rng(0), len(WHICH_PHONES))
    faint = 0.05 * WHICH_PHONES + tone
    assert texts(recognize(models, np.concatenate([BUY_APPLES, ALL_RIGHT, faint])))[2:] != []
    far = add_room(faint, room_response(np.random.default_rng(3), RATE_HZ, 0.6))[: len(faint)]
    refused = [
        event.diagnostics.no_speech_reason
        for event in recognize(models, np.concatenate([BUY_APPLES, ALL_RIGHT, far]))
        if isinstance(event, EndOfSpeech) and event.no_speech and event.diagnostics is not None
    ]
    assert refused == ["background: fainter"]


def test_a_confirmation_is_never_held(models: AsrModels) -> None:
    (final,) = [event for event in recognize(models, ALL_RIGHT) if isinstance(event, Final)]
    assert final.transcript.diagnostics is not None
    assert final.transcript.diagnostics.pause_ms <= 224
    assert final.transcript.diagnostics.end_reason == "complete"


def test_cutting_does_not_change_what_is_heard(models: AsrModels) -> None:
    assert told(recognize(models, WHICH_PHONES, chunk=333)) == told(recognize(models, WHICH_PHONES, chunk=48_000))


def test_a_file_and_a_live_stream_with_interims_give_the_same_finals(models: AsrModels) -> None:
    samples = np.concatenate([BUY_APPLES, WHICH_PHONES])
    live = recognize(models, samples, options=StreamOptions(interim_results=True))
    assert any(isinstance(event, Interim) for event in live)
    assert told(live) == told(recognize(models, samples, chunk=len(samples)))


def test_a_telephone_is_understood(models: AsrModels) -> None:
    pcm = to_pcm_s16le(soxr.resample(WHICH_PHONES, RATE_HZ, 8_000).astype(np.float32))
    intake = PcmIntake(8_000)
    samples = np.concatenate([intake.push(pcm), intake.finish()])
    (text,) = texts(recognize(models, samples))
    assert "华为手机" in text


def test_two_channels_are_understood_as_one(models: AsrModels) -> None:
    stereo = np.stack([WHICH_PHONES, np.zeros_like(WHICH_PHONES)], axis=1).reshape(-1)
    intake = PcmIntake(RATE_HZ, 2)
    samples = np.concatenate([intake.push(to_pcm_s16le(stereo)), intake.finish()])
    (text,) = texts(recognize(models, samples))
    assert "华为手机" in text


def test_an_offset_and_clipping_do_not_change_what_is_heard(models: AsrModels) -> None:
    assert texts(recognize(models, BUY_APPLES + np.float32(0.1))) == ["我想买苹果"]
    clipped = np.clip(BUY_APPLES / np.abs(BUY_APPLES).max() * 6, -1, 1)
    (final,) = [event for event in recognize(models, clipped) if isinstance(event, Final)]
    assert "苹果" in final.transcript.text
    assert final.transcript.diagnostics is not None
    assert final.transcript.diagnostics.clipped_share > 0.01


def test_words_lie_within_the_speech_and_in_order(models: AsrModels) -> None:
    options = StreamOptions(interim_results=False, word_times=True)
    (final,) = [event for event in recognize(models, WHICH_PHONES, options=options) if isinstance(event, Final)]
    words = final.transcript.words
    assert "".join(word.text for word in words).strip("?？。 ") in final.transcript.raw_text.replace(" ", "")
    starts = [word.start_sample for word in words]
    assert starts == sorted(starts)
    assert final.transcript.start_sample - 0.4 * RATE_HZ <= starts[0]
    assert words[-1].end_sample <= final.transcript.end_sample + 0.6 * RATE_HZ


def test_speakers_at_the_same_time_are_heard_as_alone_and_a_cancelled_one_disturbs_nobody(models: AsrModels) -> None:
    sounds = [BUY_APPLES, WHICH_PHONES, ALL_RIGHT, WHICH_PHONES]
    alone = [recognize(models, samples) for samples in sounds]

    async def together() -> list[list[RecognitionEvent]]:
        recognizer = new_recognizer(models)
        cancelled = [asyncio.create_task(events_of(recognizer, WHICH_PHONES)) for _ in range(3)]
        tasks = [asyncio.create_task(events_of(recognizer, samples)) for samples in sounds]
        for delay_s, task in zip((0.05, 0.15, 0.3), cancelled, strict=True):
            await asyncio.sleep(delay_s)
            task.cancel()
        found = await asyncio.gather(*tasks)
        assert all(
            isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*cancelled, return_exceptions=True)
        )
        assert recognizer.open_streams == 0
        await recognizer.aclose()
        return found

    assert [texts(events) for events in asyncio.run(together())] == [texts(events) for events in alone]


def test_ten_minutes_of_silence_give_nothing(models: AsrModels) -> None:
    assert recognize(models, np.zeros(600 * RATE_HZ, np.float32), chunk=RATE_HZ) == []


def music(seconds: float) -> np.ndarray:
    """Chords with a beat, no voice."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    roots = np.array([220.0, 174.6, 261.6, 196.0])[(time / 2).astype(int) % 4]
    phase = 2 * np.pi * np.cumsum(roots) / RATE_HZ
    tones = sum(np.sin(ratio * phase) / n for n, ratio in enumerate((1, 1.26, 1.5, 2, 3), start=1))
    beat = np.exp(-8 * (time % 0.5))
    drums = np.random.default_rng(1).normal(0, 1, len(time)) * np.exp(-40 * (time % 0.5))
    return (0.1 * tones * (0.4 + beat) + 0.1 * drums).astype(np.float32)


@pytest.mark.parametrize("kind", ["white", "hum", "music", "clicks"])
def test_noise_and_music_give_no_text(models: AsrModels, kind: str) -> None:
    rng, num_samples = np.random.default_rng(0), 20 * RATE_HZ
    sounds = {
        "white": rng.normal(0, 0.05, num_samples),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * np.arange(num_samples) / RATE_HZ),
        "music": music(20),
        "clicks": np.where(rng.random(num_samples) < 0.0005, 0.9, 0.0),
    }
    events = recognize(models, sounds[kind].astype(np.float32))
    assert not any(isinstance(event, Final) for event in events)
    assert all(event.no_speech for event in events if isinstance(event, EndOfSpeech))


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096


def test_half_an_hour_keeps_memory_flat(models: AsrModels) -> None:
    """Noise of a room for 30 minutes, with somebody speaking every five, and a cut of what never ends."""
    rng = np.random.default_rng(2)
    minute = rng.normal(0, 10 ** (-55 / 20), 60 * RATE_HZ).astype(np.float32)
    spoken = minute.copy()
    spoken[: len(ALL_RIGHT)] += ALL_RIGHT

    async def work() -> None:
        recognizer = new_recognizer(models)
        stream = recognizer.stream(FINALS_ONLY)
        used = []
        starts = 0
        for number in range(30):
            samples = spoken if number % 5 == 0 else minute
            for begin in range(0, len(samples), 16_000):
                async for event in stream.push_audio(samples[begin : begin + 16_000]):
                    starts += isinstance(event, StartOfSpeech)
            used.append(rss_bytes())
            assert stream.end_sample - stream.resume_sample < 10 * RATE_HZ
        await stream.aclose()
        await recognizer.aclose()
        assert starts >= 6
        assert max(used[20:]) - max(used[5:10]) < 24 * 1024 * 1024

    asyncio.run(work())
