"""Starts the asr service: `python -m voxcart_services.asr`."""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor

from voxcart.bus import open_bus
from voxcart.service import ServiceContext, run
from voxcart.settings import read_settings
from voxcart_api.asr.v1 import asr_pb2_grpc
from voxcart_services.asr.config import AsrSettings
from voxcart_services.asr.context import ShopWords
from voxcart_services.asr.engine import load_models, make_recognizer
from voxcart_services.asr.servicer import SpeechRecognitionServicer
from voxcart_services.asr.text.correction import Corrector
from voxcart_services.asr.worker import AudioHandler, CatalogueFeed, catalogue_reader, control_reader


async def build(context: ServiceContext) -> None:
    """Loads the models, then connects the gRPC servicer and the bus worker to one recogniser."""
    settings = context.settings
    if not isinstance(settings, AsrSettings):
        raise TypeError("the asr service needs AsrSettings")
    with ThreadPoolExecutor(1, thread_name_prefix="asr-load") as loader:
        models = await asyncio.get_running_loop().run_in_executor(loader, load_models, settings)
    corrector, shop_words = Corrector(), ShopWords()
    if settings.asr_hot_words_dir is not None:
        shop_words.read_lists(settings.asr_hot_words_dir)
    recognizer = make_recognizer(models, corrector, settings.rules(), shop_words)
    gc.collect()
    gc.freeze()  # the language model and the sound tables are a million objects that no collection needs to look at
    context.stack.push_async_callback(recognizer.aclose)
    context.add_servicer(
        asr_pb2_grpc.add_SpeechRecognitionServicer_to_server,
        SpeechRecognitionServicer(recognizer),
        "voxcart.asr.v1.SpeechRecognition",
    )
    bus = await context.stack.enter_async_context(open_bus(settings, "asr"))
    handler = AudioHandler(bus, recognizer, settings.asr_max_streams, word_times=settings.asr_word_times)
    context.stack.push_async_callback(handler.aclose)
    control = control_reader(bus, handler)
    catalogue = catalogue_reader(bus, CatalogueFeed(corrector, shop_words))
    for name, reader in (("control", control), ("catalogue", catalogue), ("audio", handler.worker)):
        context.supervise(f"asr {name}", reader.run())
        context.on_drain(reader.drain)


if __name__ == "__main__":
    run("asr", read_settings(AsrSettings), build)
