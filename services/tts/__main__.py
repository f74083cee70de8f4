"""Starts the speech synthesis service: ``python -m voxcart_services.tts``."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from redis.asyncio import Redis

from voxcart.bus import open_bus
from voxcart.service import ServiceContext, run
from voxcart.serving.sessions import SessionOptions
from voxcart.settings import read_settings
from voxcart.telemetry.logs import get_logger
from voxcart_api.tts.v1 import tts_pb2_grpc
from voxcart_services.tts.catalogue import catalogue_reader
from voxcart_services.tts.config import TtsSettings
from voxcart_services.tts.servicer import SpeechSynthesisServicer
from voxcart_services.tts.speaking.cache import CacheLimits, PhraseCache
from voxcart_services.tts.speaking.clause_maker import Delivery
from voxcart_services.tts.speaking.frequent import FrequentPhrases
from voxcart_services.tts.speaking.prefetch import PrefetchPace, keep_prefetched
from voxcart_services.tts.speaking.scheduler import PieceScheduler
from voxcart_services.tts.speaking.synthesizer import SpeechSynthesizer
from voxcart_services.tts.text.clauses import ClauseLimits
from voxcart_services.tts.text.front_end import FrontEnd
from voxcart_services.tts.text.lexicon_store import LexiconStore
from voxcart_services.tts.voices.kokoro.loading import load_kokoro
from voxcart_services.tts.voices.library import VoiceLibrary
from voxcart_services.tts.voices.piper.engine import load_piper
from voxcart_services.tts.worker import ReplySpeaker

log = get_logger(__name__)


async def build(context: ServiceContext, settings: TtsSettings) -> None:
    """Loads and warms the models, then starts the servicer and the bus worker."""
    voices = await _load(settings)
    redis = _redis(context, settings)
    lexicons = LexiconStore(settings.tts_lexicon_dir)
    front_end = FrontEnd(lexicons=lexicons)
    scheduler = PieceScheduler(settings.tts_max_waiting_clauses, settings.tts_parallel_pieces)
    frequent = FrequentPhrases(redis)
    synthesizer = SpeechSynthesizer(
        front_end,
        scheduler,
        PhraseCache(redis, CacheLimits(settings.tts_cache_memory_bytes, ttl_seconds=settings.tts_cache_ttl_seconds)),
        ClauseLimits(
            first=settings.tts_first_clause,
            second=settings.tts_second_clause,
            growth=settings.tts_clause_growth,
            largest=settings.tts_largest_clause,
        ),
        frequent,
    )
    context.supervise("tts scheduler", scheduler.run())
    await _warm_up(synthesizer, Delivery(voices.default_for("zh"), language="zh"))
    longest = settings.tts_max_text_characters
    servicer = SpeechSynthesisServicer(synthesizer, voices, front_end, longest)
    context.add_servicer(tts_pb2_grpc.add_SpeechSynthesisServicer_to_server, servicer, "voxcart.tts.v1.SpeechSynthesis")
    bus = await context.stack.enter_async_context(open_bus(settings, "tts"))
    speaker = ReplySpeaker(bus, synthesizer, voices, front_end, longest)
    catalogue = catalogue_reader(bus, lexicons)
    control, replies = speaker.control_reader(), speaker.reply_worker()
    for name, reader in (("catalogue", catalogue), ("control", control), ("replies", replies)):
        context.supervise(f"tts {name}", reader.run())
    for reader in (replies, control, catalogue):
        context.on_drain(reader.drain)
    if settings.tts_prefetch:
        pace = PrefetchPace(settings.tts_prefetch_idle_seconds, settings.tts_prefetch_duty)
        prefetching = keep_prefetched(synthesizer, voices, frequent, scheduler.idle_seconds, pace)
        context.supervise("tts prefetch", prefetching)


async def _load(settings: TtsSettings) -> VoiceLibrary:
    """All engines and their voices."""
    options = SessionOptions(provider=settings.provider, threads=settings.threads)
    defaults = {"zh": settings.tts_voice_zh, "en": settings.tts_voice_en}

    def load() -> VoiceLibrary:
        kokoro = load_kokoro(settings.models_dir, options, settings.tts_decoder)
        piper = load_piper(settings.tts_piper_dir, options) if settings.tts_piper_dir else []
        return VoiceLibrary([kokoro, *piper], defaults)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tts-load") as executor:
        return await asyncio.get_running_loop().run_in_executor(executor, load)


async def _warm_up(synthesizer: SpeechSynthesizer, delivery: Delivery) -> None:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tts-warm-up") as executor:
        seconds = await asyncio.get_running_loop().run_in_executor(executor, synthesizer.warm_up, delivery)
    log.info("synthesizer warm", seconds=round(seconds, 3))


def _redis(context: ServiceContext, settings: TtsSettings) -> Redis | None:
    """Where phrases are kept; None when the cache is switched off."""
    if not settings.tts_cache:
        return None
    redis = Redis.from_url(settings.redis_url.get_secret_value(), socket_connect_timeout=1.0)
    context.stack.push_async_callback(redis.aclose)
    return redis


if __name__ == "__main__":
    chosen = read_settings(TtsSettings)
    run("tts", chosen, lambda context: build(context, chosen))
