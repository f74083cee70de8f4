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
from voxcart_services.tts.config import TtsSettings
from voxcart_services.tts.servicer import SpeechSynthesisServicer
from voxcart_services.tts.speaking.cache import CacheLimits, PhraseCache
from voxcart_services.tts.speaking.prefetch import prefetch_phrases, read_openers
from voxcart_services.tts.speaking.scheduler import ClauseScheduler
from voxcart_services.tts.speaking.synthesizer import Delivery, SpeechSynthesizer
from voxcart_services.tts.text.clauses import ClauseLimits
from voxcart_services.tts.text.phonemes import Phonemizer
from voxcart_services.tts.voices.kokoro.loading import LoadedVoiceModel, load
from voxcart_services.tts.worker import ReplySpeaker

log = get_logger(__name__)


async def build(context: ServiceContext, settings: TtsSettings) -> None:
    """Loads and warms the model, then starts the servicer and the bus worker."""
    loaded = await _load(settings)
    scheduler = ClauseScheduler(settings.tts_max_waiting_clauses)
    synthesizer = SpeechSynthesizer(
        loaded.model,
        Phonemizer(),
        scheduler,
        await _cache(context, settings),
        model_version=loaded.version,
        limits=ClauseLimits(
            first=settings.tts_first_clause,
            second=settings.tts_second_clause,
            growth=settings.tts_clause_growth,
            largest=settings.tts_largest_clause,
        ),
    )
    context.supervise("tts scheduler", scheduler.run())
    await _warm_up(synthesizer, Delivery(loaded.voices.default_for("zh"), language="zh"))
    servicer = SpeechSynthesisServicer(synthesizer, loaded.voices, settings.tts_max_text_characters)
    context.add_servicer(tts_pb2_grpc.add_SpeechSynthesisServicer_to_server, servicer, "voxcart.tts.v1.SpeechSynthesis")
    bus = await context.stack.enter_async_context(open_bus(settings, "tts"))
    speaker = ReplySpeaker(bus, synthesizer, loaded.voices, settings.tts_max_text_characters)
    control, replies = speaker.control_reader(), speaker.reply_worker()
    context.supervise("tts control", control.run())
    context.supervise("tts replies", replies.run())
    context.on_drain(replies.drain)
    context.on_drain(control.drain)
    if settings.tts_prefetch:
        context.supervise(
            "tts prefetch",
            prefetch_phrases(
                synthesizer,
                read_openers(loaded.voices),
                scheduler.idle_seconds,
                wait_idle_seconds=settings.tts_prefetch_idle_seconds,
                duty=settings.tts_prefetch_duty,
            ),
        )


async def _load(settings: TtsSettings) -> LoadedVoiceModel:
    options = SessionOptions(provider=settings.provider, threads=settings.threads)
    defaults = {"zh": settings.tts_voice_zh, "en": settings.tts_voice_en}
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tts-load") as executor:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(executor, load, settings.models_dir, options, defaults, settings.tts_decoder)


async def _warm_up(synthesizer: SpeechSynthesizer, delivery: Delivery) -> None:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tts-warm-up") as executor:
        seconds = await asyncio.get_running_loop().run_in_executor(executor, synthesizer.warm_up, delivery)
    log.info("synthesizer warm", seconds=round(seconds, 3))


async def _cache(context: ServiceContext, settings: TtsSettings) -> PhraseCache:
    limits = CacheLimits(memory_bytes=settings.tts_cache_memory_bytes, ttl_seconds=settings.tts_cache_ttl_seconds)
    if not settings.tts_cache:
        return PhraseCache(None, limits)
    redis = Redis.from_url(settings.redis_url.get_secret_value(), socket_connect_timeout=1.0)
    context.stack.push_async_callback(redis.aclose)
    return PhraseCache(redis, limits)


if __name__ == "__main__":
    chosen = read_settings(TtsSettings)
    run("tts", chosen, lambda context: build(context, chosen))
