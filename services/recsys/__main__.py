"""Starts the recommendation service: ``python -m voxcart_services.recsys``."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis

from voxcart.bus import open_bus
from voxcart.models import ModelStore
from voxcart.service import ServiceContext, run
from voxcart.serving.sessions import SessionOptions
from voxcart.settings import read_settings
from voxcart.text_encoder import TextEncoder
from voxcart_api.recsys.v1 import recsys_pb2_grpc
from voxcart_services.recsys.catalogue import Catalogue
from voxcart_services.recsys.config import RecsysSettings
from voxcart_services.recsys.engine import Recommender
from voxcart_services.recsys.history import History, HistoryBounds
from voxcart_services.recsys.servicer import RecommendationServicer
from voxcart_services.recsys.worker import CatalogueFollower, event_worker


async def build(context: ServiceContext, settings: RecsysSettings) -> None:
    """Loads the encoder, connects to Redis and the bus, starts the servicer and the readers."""
    encoding = context.stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="recsys-encoder"))
    loop = asyncio.get_running_loop()
    options = SessionOptions(provider=settings.provider, threads=1)
    store = ModelStore(settings.models_dir)
    encoder = await loop.run_in_executor(encoding, TextEncoder.from_store, store, options)
    redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_connect_timeout=settings.recsys_timeout_seconds,
        socket_timeout=5.0,
    )
    context.stack.push_async_callback(redis.aclose)
    bounds = HistoryBounds(settings.recsys_history_events, settings.recsys_seen_events, settings.recsys_pair_window)
    catalogue = Catalogue()
    recommender = Recommender(
        catalogue,
        History(redis, bounds),
        partial(_embed, encoder, "query"),
        encoding,
        half_life_days=settings.recsys_half_life_days,
        timeout_seconds=settings.recsys_timeout_seconds,
    )
    context.add_servicer(
        recsys_pb2_grpc.add_RecommendationServicer_to_server,
        RecommendationServicer(recommender),
        "voxcart.recsys.v1.Recommendation",
    )
    bus = await context.stack.enter_async_context(open_bus(settings, "recsys"))
    worker = event_worker(bus, recommender)
    context.supervise("recsys events", worker.run())
    context.on_drain(worker.drain)
    follower = CatalogueFollower(
        bus, catalogue, partial(_embed, encoder, "passage"), encoding, settings.recsys_embedding_duty
    )
    context.supervise("recsys catalogue", follower.reader.run())
    context.supervise("recsys embedding", follower.embed_new())
    context.on_drain(follower.reader.drain)


def _embed(encoder: TextEncoder, kind: str, texts: list[str]) -> NDArray[np.float32]:
    return encoder.embed(texts, "passage" if kind == "passage" else "query")


if __name__ == "__main__":
    SETTINGS = read_settings(RecsysSettings)
    run("recsys", SETTINGS, partial(build, settings=SETTINGS))
