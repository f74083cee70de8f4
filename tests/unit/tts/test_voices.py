"""Voices by name, blends, and Kokoro's engine: windows, levels, times of phonemes, long clauses."""

import itertools

import numpy as np
import pytest
from support.tts import DEFAULTS, FRAMES_PER_TOKEN, VOICES, ScriptedDecoder, ScriptedEncoder, scripted_engine

from voxcart.errors import InvalidInput, NotFound
from voxcart_services.tts.voices.blends import blend_name, parse_blend
from voxcart_services.tts.voices.engine import SpeechPiece, SpeechRequest
from voxcart_services.tts.voices.kokoro.engine import KokoroEngine
from voxcart_services.tts.voices.kokoro.model import FRAME_SAMPLES
from voxcart_services.tts.voices.kokoro.windows import (
    Window,
    WindowJoiner,
    WindowLimits,
    level_of,
    next_window,
    spoken_frames,
)
from voxcart_services.tts.voices.library import VoiceLibrary

pytestmark = pytest.mark.unit


def library() -> VoiceLibrary:
    return VoiceLibrary([scripted_engine()], DEFAULTS)


def energy_of_speech(num_spoken: int, num_silent: int = 20) -> np.ndarray:
    rng = np.random.default_rng(3)
    silence = np.full(2 * num_silent, -9.0)
    return np.concatenate([silence, 5 + rng.normal(size=2 * num_spoken), silence]).astype(np.float32)


def windows(log_energy: np.ndarray, lead_seconds: float | None, limits: WindowLimits) -> list[Window]:
    """The windows of a clause whose listener has as much audio as was made so far, and ``lead_seconds`` more."""
    first, last = spoken_frames(log_energy)
    plan = []
    start = first
    while start < last:
        lead = None if lead_seconds is None else lead_seconds + (start - first) / 40
        plan.append(next_window(log_energy, start, lead, limits))
        start = plan[-1].last
    return plan


def test_an_unknown_voice_is_named_in_the_error() -> None:
    for name in ("zf_nobody", "zf_xiaobei:0.5+zf_nobody:0.5"):
        with pytest.raises(NotFound, match="zf_nobody"):
            library().get(name)


def test_a_blend_is_the_weighted_mean_of_its_voices() -> None:
    voices = library()
    blend = voices.get("zm_yunxi:3+bm_george:1")
    assert np.allclose(blend.style(7), 0.75 * 1 + 0.25 * 3)
    assert (blend.language, blend.gender, blend.is_british) == ("zh", "male", False)
    assert voices.get(" bm_george : 0.25 + zm_yunxi : 0.75 ") is blend
    assert blend.name == "bm_george:0.25+zm_yunxi:0.75"
    assert np.allclose(voices.get("zm_yunxi+bm_george").style(7), 2.0)
    assert voices.get("zm_yunxi:0.4") is voices.get("zm_yunxi")


def test_the_name_of_a_blend_gives_the_blend() -> None:
    parts = parse_blend("b:1+a:2+c:0.5")
    assert sum(part.share for part in parts) == pytest.approx(1.0)
    assert [part.voice for part in parts] == ["a", "b", "c"]
    again = parse_blend(blend_name(parts))
    assert [part.share for part in again] == pytest.approx([part.share for part in parts], rel=1e-3)


@pytest.mark.parametrize(
    "expression",
    [
        *("a:", "a:x+b:1", "a:0+b:1", "a:-1+b:1", "a:nan+b:1", "a:inf+b:1", "a:101", "+", "a:1+", "a:1+a:2", "a:1+b"),
        "+".join(f"v{number}" for number in range(9)),
        "+".join(["zf_xiaobei"] * 100),
    ],
)
def test_malformed_blends_are_refused(expression: str) -> None:
    with pytest.raises(InvalidInput):
        library().get(expression)


def test_the_blends_that_are_kept_are_bounded() -> None:
    voices = library()
    for number in range(1, 100):
        voices.get(f"zf_xiaobei:{number}+zm_yunxi:{100 - number}")
    assert len(voices._blends) <= 64


def test_two_engines_may_not_have_a_voice_of_one_name() -> None:
    with pytest.raises(ValueError, match="zf_xiaobei"):
        VoiceLibrary([scripted_engine(), scripted_engine()], DEFAULTS)


def test_voices_of_two_engines_are_not_blended() -> None:
    voices = VoiceLibrary([scripted_engine(), scripted_engine(["zf_other"])], DEFAULTS)
    with pytest.raises(InvalidInput, match="one engine"):
        voices.get("zf_xiaobei+zf_other")


def test_all_frames_are_kept_when_nothing_is_loud() -> None:
    assert spoken_frames(np.full(40, -9.0, np.float32)) == (0, 20)


def test_spoken_frames_keep_a_margin() -> None:
    first, last = spoken_frames(energy_of_speech(10, 20))
    assert first < 20
    assert last > 30
    assert last - first < 20


@pytest.mark.parametrize("lead_seconds", [None, 0.0, 0.7, 3.0, 60.0])
@pytest.mark.parametrize("num_spoken", [1, 30, 55, 200, 400])
def test_windows_follow_each_other_and_can_be_made_in_time(num_spoken: int, lead_seconds: float | None) -> None:
    log_energy, limits = energy_of_speech(num_spoken), WindowLimits()
    plan = windows(log_energy, lead_seconds, limits)
    assert (plan[0].first, plan[-1].last) == spoken_frames(log_energy)
    assert all(one.last == other.first for one, other in itertools.pairwise(plan))
    for window in plan:
        assert window.last > window.first
        used = window.seen[window.offset : window.offset + window.last - window.first]
        assert used.tolist() == list(range(window.first, window.last))
        assert (np.diff(window.seen) > 0).all()
        if lead_seconds is not None:
            played = lead_seconds * 40 + window.first - plan[0].first
            allowed = max(limits.first_frames, limits.growth * played)
            assert len(window.seen) <= limits.slack * allowed + 2 * limits.context_frames + 1
    if lead_seconds is None or lead_seconds > 10:
        assert len(plan) == 1
        assert len(plan[0].seen) > num_spoken + 20


def test_a_window_meets_the_next_at_a_quiet_frame() -> None:
    log_energy = energy_of_speech(120)
    log_energy[2 * 45 : 2 * 46] = -1.0
    assert windows(log_energy, 0.0, WindowLimits())[0].last == 45


def test_the_level_of_all_frames_is_left_alone_and_a_loud_part_is_made_louder() -> None:
    log_energy = energy_of_speech(100)
    whole = windows(log_energy, None, WindowLimits(lead_silence_frames=20, tail_silence_frames=20))[0]
    assert level_of(log_energy, whole) == pytest.approx(1.0)
    first, *_ = windows(log_energy, 0.0, WindowLimits())
    assert level_of(log_energy, first) > 1.1


def test_joined_windows_of_one_signal_give_the_signal() -> None:
    log_energy = energy_of_speech(300)
    signal = np.sin(np.arange(340 * FRAME_SAMPLES) / 17).astype(np.float32)
    frames = signal.reshape(-1, FRAME_SAMPLES)
    plan = windows(log_energy, 0.0, WindowLimits())
    joiner = WindowJoiner(FRAME_SAMPLES, 480)
    pieces = [joiner.push(frames[w.seen].ravel(), w, is_last=w is plan[-1]) for w in plan]
    assert len(pieces) > 3
    expected = frames[plan[0].first : plan[-1].last].ravel()
    assert np.allclose(np.concatenate(pieces), expected, atol=1e-6)


def pieces_of(engine: KokoroEngine, phonemes: str, lead_seconds: float | None, rate: float = 1.0) -> list[SpeechPiece]:
    return list(
        engine.speak(
            SpeechRequest(phonemes, engine.voices[0], rate, None if lead_seconds is None else lambda: lead_seconds)
        )
    )


def test_a_clause_that_somebody_waits_for_comes_in_pieces_of_the_same_length() -> None:
    engine = scripted_engine()
    (whole,), parts = pieces_of(engine, "a" * 100, None), pieces_of(engine, "a" * 100, 0.0)
    assert len(parts) > 2
    assert len(whole.samples) == sum(len(part.samples) for part in parts)
    assert np.allclose(whole.phoneme_times, parts[0].phoneme_times)
    assert [part.is_last for part in parts] == [False] * (len(parts) - 1) + [True]
    assert not any(len(part.phoneme_times) for part in parts[1:])


def test_no_frame_is_decoded_before_it_is_asked_for() -> None:
    decoder = ScriptedDecoder()
    engine = scripted_engine(VOICES, ScriptedEncoder(), decoder)
    steps = engine.speak(SpeechRequest("a" * 150, engine.voices[0], 1.0, lambda: 0.0))
    assert not decoder.calls
    next(steps)
    assert len(decoder.calls) == 1
    assert decoder.calls[0] <= WindowLimits().first_frames


def test_phonemes_begin_when_their_frames_do_and_unknown_ones_take_no_time() -> None:
    (piece,) = pieces_of(scripted_engine(), "ab#cd", None)
    times = piece.phoneme_times
    assert piece.unknown == "#"
    assert len(times) == 6
    step = FRAMES_PER_TOKEN * FRAME_SAMPLES / 24_000
    assert np.diff(times) == pytest.approx([step, step, 0.0, step, step])
    assert times[-1] <= len(piece.samples) / 24_000


def test_over_510_phonemes_are_spoken_in_parts_cut_at_spaces() -> None:
    encoder = ScriptedEncoder()
    engine = scripted_engine(VOICES, encoder)
    pieces = pieces_of(engine, "abcdefgh " * 80, 0.0)
    assert len(encoder.calls) == 2
    assert all(len(tokens) <= 512 for tokens in encoder.calls)
    assert sum(len(tokens) - 2 for tokens in encoder.calls) == 720
    assert [piece.is_last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert len(pieces[0].phoneme_times) == 721


def test_nothing_that_can_be_said_is_one_empty_piece() -> None:
    (piece,) = pieces_of(scripted_engine(), "###", 0.0)
    assert piece.is_last
    assert not len(piece.samples)
    assert piece.unknown == "###"
