"""The service's own recognisers in this process, with the demo catalogue, to measure them."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from voxcart.errors import InvalidInput
from voxcart.evaluation.asr import OpenStream
from voxcart.evaluation.manifest import Recording
from voxcart.settings import read_settings
from voxcart.tenants import DEFAULT_TENANT
from voxcart_services.asr.config import AsrSettings
from voxcart_services.asr.context import MAX_REQUEST_WORDS, ShopWords, checked_words
from voxcart_services.asr.engine import load_models, make_recognizer
from voxcart_services.asr.recognition import HotWord
from voxcart_services.asr.recognizer import Recognizer
from voxcart_services.asr.stream import RecognitionStream, StreamOptions
from voxcart_services.asr.text.correction import Corrector
from voxcart_services.shop.catalogue_file import read_catalogue
from voxcart_services.shop.models import Product
from voxcart_services.shop.outbox import product_changed


@dataclasses.dataclass(frozen=True)
class Setup:
    """What the streams of a measurement are told.

    Attributes:
        beam_size: Hypotheses followed; None is the service's own choice.
        prompt: None is the service's own.
        hot_words: Of every stream, as ``read_hot_words`` gives them.
        is_live: With interims, at the pace of real time.
    """

    beam_size: int | None = None
    prompt: str | None = None
    hot_words: tuple[HotWord, ...] = ()
    is_live: bool = False

    def opener(self, recognizer: Recognizer, tell_language: Callable[[Recording], str | None]) -> OpenStream:
        """Opens streams of a recogniser that are told a language, or None to detect it."""

        def open_stream(recording: Recording) -> RecognitionStream:
            stream = recognizer.stream(
                StreamOptions(
                    language=tell_language(recording),
                    tenant=DEFAULT_TENANT,
                    interim_results=self.is_live,
                    prompt=self.prompt,
                    beam_size=self.beam_size,
                )
            )
            stream.context.set_request(self.hot_words)
            return stream

        return open_stream

    def describe(self) -> dict[str, Any]:
        """For the report."""
        return {
            **describe_settings(),
            "beam": self.beam_size,
            "prompt": self.prompt,
            "hot_words": len(self.hot_words),
            "real_time": self.is_live,
        }


def describe_settings() -> dict[str, Any]:
    """The service's settings that bear on speed and errors, as the environment has them."""
    settings = read_settings(AsrSettings)
    return {
        "engine": settings.asr_engine,
        "model": settings.asr_model,
        "threads": settings.threads,
        "provider": settings.provider,
        "tail_stride": settings.asr_tail_stride,
    }


def read_hot_words(path: Path) -> tuple[HotWord, ...]:
    """Reads one hot word a line, with a boost after a tab if it has one; ``#`` lines are comments.

    Raises:
        InvalidInput: The file cannot be read or a line is malformed; the sentence names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    words = []
    for number, line in enumerate(lines, 1):
        text, _, boost = line.partition("\t")
        if not text.strip() or text.startswith("#"):
            continue
        try:
            value = float(boost) if boost.strip() else 1.0
        except ValueError:
            value = -1.0
        if not 0 <= value <= 10:
            raise InvalidInput(f"{path}:{number}: the boost of a hot word is a number from 0 to 10, not {boost!r}")
        words.append(HotWord(text, value))
    return checked_words(words, MAX_REQUEST_WORDS)


def feed_demo_catalogue(corrector: Corrector, shop_words: ShopWords) -> None:
    """Tells what the demo shop sells, with the words that its service sends over the bus."""
    known = {field.name for field in dataclasses.fields(Product)}
    for row in read_catalogue():
        product = Product(
            **{name: value for name, value in row.product.items() if name in known},
            rating=row.rating,
            units_sold=round(row.popularity * 20),
            delisted=False,
            version=1,
            variants=(),
        )
        _, _, envelope = product_changed(DEFAULT_TENANT, product)
        sent = envelope.product
        spoken = [sent.name_zh, *sent.aliases]
        corrector.set_product(sent.tenant, sent.sku, [*spoken, sent.brand, sent.category])
        shop_words.set_product(sent.tenant, sent.sku, spoken, sent.units_sold)


@asynccontextmanager
async def open_recognizers(sides: Sequence[str], model: str = "") -> AsyncIterator[dict[str, Recognizer]]:
    """Recognisers over the models of the settings, closed at the end.

    Args:
        sides: ``tail`` for the service's own, ``full_window`` for one that encodes 30 s.
        model: Another model of the store than that of the settings; a Zipformer is run as a transducer.

    Raises:
        ModelMissing, ModelCorrupt: A model is not in the store.
        InvalidInput: The engine has no window.
    """
    own = read_settings(AsrSettings)
    if model:
        engine = "transducer" if model.startswith("zipformer") else "whisper"
        own = own.model_copy(update={"asr_engine": engine, "asr_model": model})
    if "full_window" in sides and own.asr_engine != "whisper":
        raise InvalidInput(f"only whisper has a full window to compare with; VOXCART_ASR_ENGINE is {own.asr_engine}")
    corrector, shop_words = Corrector(), ShopWords()
    feed_demo_catalogue(corrector, shop_words)
    async with AsyncExitStack() as stack:
        recognizers = {}
        for side in sides:
            settings = own.model_copy(update={"asr_full_window": side == "full_window"})
            models = await asyncio.to_thread(load_models, settings)
            recognizers[side] = make_recognizer(models, corrector, settings.rules(), shop_words)
            stack.push_async_callback(recognizers[side].aclose)
        yield recognizers
