"""Starts the nlu service: ``python -m voxcart_services.nlu``."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from voxcart.bus import open_bus
from voxcart.service import ServiceContext, run
from voxcart.settings import read_settings
from voxcart_api.nlu.v1 import nlu_pb2_grpc
from voxcart_services.nlu.catalogue import CatalogueIndex
from voxcart_services.nlu.config import NluSettings
from voxcart_services.nlu.lexicon import load_lexicon
from voxcart_services.nlu.loading import load_engine
from voxcart_services.nlu.runner import UnderstandingRunner
from voxcart_services.nlu.servicer import LanguageUnderstandingServicer
from voxcart_services.nlu.worker import catalogue_reader, transcript_worker


async def build(context: ServiceContext, settings: NluSettings) -> None:
    """Loads the engine, reads the catalogue, connects the bus, registers the servicer."""
    pool = context.stack.enter_context(ThreadPoolExecutor(settings.nlu_workers, thread_name_prefix="nlu"))
    engine = await asyncio.get_running_loop().run_in_executor(pool, load_engine, settings)
    catalogue = CatalogueIndex(load_lexicon(), pool)
    runner = UnderstandingRunner(engine, catalogue, pool, settings.nlu_queue_size)
    context.add_servicer(
        nlu_pb2_grpc.add_LanguageUnderstandingServicer_to_server,
        LanguageUnderstandingServicer(runner),
        "voxcart.nlu.v1.LanguageUnderstanding",
    )
    bus = await context.stack.enter_async_context(open_bus(settings, "nlu"))
    reader = catalogue_reader(bus, catalogue)
    context.supervise("nlu catalogue", reader.run())
    context.on_drain(reader.drain)
    await reader.wait_caught_up(settings.start_seconds)
    await catalogue.rebuild()
    context.supervise("nlu gazetteer", catalogue.keep_fresh())
    worker = transcript_worker(bus, runner)
    context.supervise("nlu worker", worker.run())
    context.on_drain(worker.drain)


if __name__ == "__main__":
    SETTINGS = read_settings(NluSettings)
    run("nlu", SETTINGS, partial(build, settings=SETTINGS))
