"""How many live streams does a core carry with a transducer, beside sherpa-onnx on the same weights and audio?

N streams get the same audio in pieces of 320 ms, all of them stepped before the next piece comes; what counts is the
CPU time of the process (all threads) per second of audio of one stream, and its inverse, the streams that one core
carries at real-time pace. Both engines run with one thread per operator. The outcome depends on the weights: with a
tiny model it is what the engine costs beside its networks.

``python benchmarks/asr_transducer.py FOLDER [--audio FILE.wav] [--streams 1 8 32] [--beam 1] [--repeats 5] [--json]``
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from voxcart.benchmarking.machine import describe_machine
from voxcart.serving.sessions import SessionOptions
from voxcart.telemetry.logs import configure_logging
from voxcart_services.asr.recognition import DecodeOptions, Urgency
from voxcart_services.asr.transducer.engine import TransducerEngine
from voxcart_services.asr.transducer.loading import LoadedTransducer, load_transducer
from voxcart_services.asr.transducer.model import find_part
from voxcart_services.asr.transducer.options import TransducerOptions

RATE_HZ = 16_000
PIECE = 5_120
NOISE_SECONDS = 10


def bursts_of_noise() -> np.ndarray:
    """Sound that is not silence, for want of speech; float32 at 16 kHz."""
    random = np.random.default_rng(1)
    loudness = np.repeat(random.uniform(0.0, 0.2, NOISE_SECONDS * 5), RATE_HZ // 5)
    return (loudness * random.standard_normal(NOISE_SECONDS * RATE_HZ)).astype(np.float32)


def read_audio(path: Path | None) -> np.ndarray:
    """A recording at 16 kHz with one channel, or noise."""
    if path is None:
        return bursts_of_noise()
    samples, rate_hz = soundfile.read(path, dtype="float32")
    if rate_hz != RATE_HZ or samples.ndim != 1:
        sys.exit(f"{path} must have one channel at {RATE_HZ} Hz")
    return samples


async def run_engine(loaded: LoadedTransducer, samples: np.ndarray, num_streams: int, beam_size: int) -> list[int]:
    """All streams through our engine; tokens of the first."""
    engine = TransducerEngine(loaded, TransducerOptions(max_batch=num_streams))
    utterances = [engine.open(DecodeOptions(beam_size=beam_size)) for _ in range(num_streams)]
    hypotheses = []
    for end in range(PIECE, len(samples) + 1, PIECE):
        decodings = [utterance.recognise(samples[:end], Urgency.INTERIM) for utterance in utterances]
        hypotheses = await asyncio.gather(*(decoding.future for decoding in decodings))
    await engine.aclose()
    return list(hypotheses[0].tokens)


def run_sherpa(recognizer, samples: np.ndarray, num_streams: int) -> list[str]:
    """The same through sherpa-onnx; tokens of the first."""
    streams = [recognizer.create_stream() for _ in range(num_streams)]
    for begin in range(0, len(samples) - PIECE + 1, PIECE):
        for stream in streams:
            stream.accept_waveform(RATE_HZ, samples[begin : begin + PIECE])
        while ready := [stream for stream in streams if recognizer.is_ready(stream)]:
            recognizer.decode_streams(ready)
    return list(recognizer.get_result_all(streams[0]).tokens)


def load_sherpa(folder: Path, beam_size: int):
    """sherpa-onnx's recogniser on the same files."""
    import sherpa_onnx

    return sherpa_onnx.OnlineRecognizer.from_transducer(
        tokens=str(folder / "tokens.txt"),
        **{part: str(find_part(folder, part)) for part in ("encoder", "decoder", "joiner")},
        num_threads=1,
        decoding_method="greedy_search" if beam_size == 1 else "modified_beam_search",
        max_active_paths=beam_size,
    )


def cpu_ms_per_second(act: Callable[[], object], audio_seconds: float, repeats: int) -> dict[str, float]:
    """CPU time per second of audio of one stream: median and extremes of the repeats, after one to warm up."""
    act()
    costs = []
    for _ in range(repeats):
        started = time.process_time()
        act()
        costs.append((time.process_time() - started) * 1e3 / audio_seconds)
    low, middle, high = np.percentile(costs, (0, 50, 100))
    return {
        "cpu_ms_per_audio_second": round(float(middle), 2),
        "range": [round(float(low), 2), round(float(high), 2)],
        "streams_per_core": round(1e3 / float(middle), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="encoder, decoder, joiner and tokens.txt")
    parser.add_argument("--audio", type=Path, help="speech, 16 kHz mono; noise without it")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    configure_logging("bench", "WARNING")
    samples = read_audio(options.audio)
    loaded = load_transducer(options.folder, SessionOptions(provider="cpu", threads=1))
    recognizer = load_sherpa(options.folder, options.beam)
    ours = asyncio.run(run_engine(loaded, samples, 1, options.beam))
    same = [loaded.tokens.symbol(token).replace("▁", " ") for token in ours] == run_sherpa(recognizer, samples, 1)
    rows = []
    for count in options.streams:
        audio_seconds = count * len(samples) / RATE_HZ
        runs = {
            "voxcart": lambda count=count: asyncio.run(run_engine(loaded, samples, count, options.beam)),
            "sherpa-onnx": lambda count=count: run_sherpa(recognizer, samples, count),
        }
        for name, run in runs.items():
            rows.append({"engine": name, "streams": count, **cpu_ms_per_second(run, audio_seconds, options.repeats)})
    if options.json:
        report = {"machine": describe_machine(), "model": options.folder.name, "beam": options.beam}
        print(json.dumps({**report, "repeats": options.repeats, "same_tokens": same, "rows": rows}))
        return
    print(f"{options.folder.name}, beam {options.beam}, {options.repeats} repeats, same tokens: {same}")
    for row in rows:
        low, high = row["range"]
        print(
            f"{row['engine']:<12} {row['streams']:>4} streams   {row['cpu_ms_per_audio_second']:>8.2f} ms of CPU per "
            f"second of audio ({low} to {high})   {row['streams_per_core']:>7.1f} streams per core"
        )


if __name__ == "__main__":
    main()
