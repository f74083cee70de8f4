"""Makes the audio of frequent phrases beforehand, slowly, while no session wants speech."""

import asyncio
from collections.abc import Callable, Sequence
from importlib import resources

from voxcart.errors import VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_services.tts.metrics import PREFETCHED_TOTAL
from voxcart_services.tts.speaking.synthesizer import Delivery, SpeechSynthesizer
from voxcart_services.tts.voices.library import VoiceLibrary

log = get_logger(__name__)


def read_openers(voices: VoiceLibrary) -> list[tuple[str, Delivery]]:
    """The phrases of ``data/openers.tsv`` with the default voice of their language."""
    text = resources.files("voxcart_services.tts").joinpath("data", "openers.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return [(phrase, Delivery(voices.default_for(language), language=language)) for language, phrase in rows]


async def prefetch_phrases(
    synthesizer: SpeechSynthesizer,
    phrases: Sequence[tuple[str, Delivery]],
    idle_seconds: Callable[[], float],
    *,
    wait_idle_seconds: float,
    duty: float,
) -> None:
    """Make each phrase once, when the service has been idle long enough; returns when all are made.

    Args:
        idle_seconds: How long nothing was asked for.
        wait_idle_seconds: How long that must be before a phrase is made.
        duty: Share of the time that is spent computing.
    """
    for phrase, delivery in phrases:
        await _wait_until_idle(idle_seconds, wait_idle_seconds)
        try:
            spent = await synthesizer.prefetch(phrase, delivery)
        except VoxcartError as error:
            log.warning("prefetching a phrase failed", error=type(error).__name__)
            continue
        if spent:
            PREFETCHED_TOTAL.inc()
            await asyncio.sleep(spent * (1 / duty - 1))
    log.info("phrases prefetched", phrases=len(phrases))


async def _wait_until_idle(idle_seconds: Callable[[], float], wanted_seconds: float) -> None:
    while True:
        missing = wanted_seconds - idle_seconds()
        if missing <= 0:
            return
        await asyncio.sleep(max(missing, 0.5))
