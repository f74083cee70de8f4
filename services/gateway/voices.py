"""The voices that clients may ask for, as the speech service lists them."""

import time
from collections.abc import Awaitable, Callable

import grpc

from voxcart.errors import Unavailable
from voxcart_api.tts.v1 import tts_pb2, tts_pb2_grpc

REFRESH_S = 60.0
CALL_S = 2.0


class VoiceList:
    """Voice names, asked for when they are first needed and once a minute after that."""

    def __init__(self, fetch: Callable[[], Awaitable[set[str]]]) -> None:
        """
        Args:
            fetch: Gets the names; raises :class:`Unavailable` when it cannot.
        """
        self._fetch = fetch
        self._names: set[str] = set()
        self._fetched_at_s = float("-inf")

    async def names(self) -> set[str]:
        """All voice names. An older list is used while the speech service is away.

        Raises:
            Unavailable: The speech service does not answer and there is no list yet.
        """
        if time.monotonic() - self._fetched_at_s > REFRESH_S:
            try:
                self._names = await self._fetch()
                self._fetched_at_s = time.monotonic()
            except Unavailable:
                if not self._names:
                    raise
        return self._names


def voices_of(channel: grpc.aio.Channel) -> VoiceList:
    """The voices of the speech service at the other end of ``channel``."""
    stub = tts_pb2_grpc.SpeechSynthesisStub(channel)

    async def fetch() -> set[str]:
        try:
            response = await stub.ListVoices(tts_pb2.ListVoicesRequest(), timeout=CALL_S)
        except grpc.aio.AioRpcError as error:
            raise Unavailable("the voice cannot be checked now, the speech service does not answer") from error
        return {voice.name for voice in response.voices}

    return VoiceList(fetch)
