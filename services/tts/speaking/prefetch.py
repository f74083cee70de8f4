"""Makes the audio of frequent phrases beforehand, slowly, while no session wants speech."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

from voxcart.errors import VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_services.tts.metrics import PREFETCHED_TOTAL
from voxcart_services.tts.speaking.clause_maker import Delivery
from voxcart_services.tts.speaking.frequent import FrequentPhrases
from voxcart_services.tts.speaking.synthesizer import SpeechSynthesizer
from voxcart_services.tts.voices.library import VoiceLibrary

log = get_logger(__name__)


@dataclass(frozen=True)
class PrefetchPace:
    """How much prefetching may compute.

    Attributes:
        wait_idle_seconds: How long nothing must have been asked for before a phrase is made.
        duty: Share of the time that is spent computing.
        learn_seconds: How often it is looked up what is said often.
        learned_phrases: How many of those are made.
    """

    wait_idle_seconds: float
    duty: float
    learn_seconds: float = 600.0
    learned_phrases: int = 200


def read_openers(voices: VoiceLibrary) -> list[tuple[str, Delivery]]:
    """The phrases of ``data/openers.tsv`` with the default voice of their language."""
    text = resources.files("voxcart_services.tts").joinpath("data", "openers.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return [(phrase, Delivery(voices.default_for(language), language=language)) for language, phrase in rows]


async def keep_prefetched(
    synthesizer: SpeechSynthesizer,
    voices: VoiceLibrary,
    frequent: FrequentPhrases,
    idle_seconds: Callable[[], float],
    pace: PrefetchPace,
) -> None:
    """Make the openers, then what turns out to be said often, until cancelled.

    Args:
        synthesizer: What makes them.
        voices: For the names in what was learned; phrases of voices that are gone are left out.
        frequent: What was learned; it is saved here.
        idle_seconds: How long nothing was asked for.
        pace: How much may be computed.
    """
    await prefetch_phrases(synthesizer, read_openers(voices), idle_seconds, pace)
    while True:
        await frequent.save()
        phrases = []
        for phrase in await frequent.learned(pace.learned_phrases):
            try:
                phrases.append((phrase.text, Delivery(voices.get(phrase.voice), language=phrase.language)))
            except VoxcartError:
                continue
        await prefetch_phrases(synthesizer, phrases, idle_seconds, pace)
        await asyncio.sleep(pace.learn_seconds)


async def prefetch_phrases(
    synthesizer: SpeechSynthesizer,
    phrases: Sequence[tuple[str, Delivery]],
    idle_seconds: Callable[[], float],
    pace: PrefetchPace,
) -> None:
    """Make each phrase that is not in the cache, when the service has been idle long enough.

    Args:
        synthesizer: What makes them.
        phrases: Texts and how they are spoken.
        idle_seconds: How long nothing was asked for.
        pace: How much may be computed.
    """
    for phrase, delivery in phrases:
        await _wait_until_idle(idle_seconds, pace.wait_idle_seconds)
        try:
            spent = await synthesizer.prefetch(phrase, delivery)
        except VoxcartError as error:
            log.warning("prefetching a phrase failed", error=type(error).__name__)
            continue
        if spent:
            PREFETCHED_TOTAL.inc()
            await asyncio.sleep(spent * (1 / pace.duty - 1))
    log.info("phrases prefetched", phrases=len(phrases))


async def _wait_until_idle(idle_seconds: Callable[[], float], wanted_seconds: float) -> None:
    while True:
        missing = wanted_seconds - idle_seconds()
        if missing <= 0:
            return
        await asyncio.sleep(max(missing, 0.5))
