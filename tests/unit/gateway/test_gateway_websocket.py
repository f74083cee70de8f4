"""The same conversation over WebSocket, in binary and JSON frames."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from voxcart_api.gateway.v1.gateway_pb2 import Config, ConverseRequest, ConverseResponse, TextInput
from voxcart_services.gateway.websocket import WebSocketServer

pytestmark = pytest.mark.unit


@asynccontextmanager
async def browser(rig):
    """A connection to the gateway's WebSocket server."""
    async with (
        WebSocketServer(rig.registry, "127.0.0.1:0", 1024 * 1024) as server,
        connect(f"ws://127.0.0.1:{server.port}", proxy=None) as socket,
    ):
        yield socket


async def test_binary_frames(rig):
    async with browser(rig) as socket:
        await socket.send(ConverseRequest(config=Config()).SerializeToString())
        await socket.send(ConverseRequest(text=TextInput(text="你好")).SerializeToString())
        kinds = []
        while True:
            response = ConverseResponse.FromString(await asyncio.wait_for(socket.recv(), 5))
            kinds.append(response.WhichOneof("response"))
            if response.audio.is_last:
                break
    assert kinds[:4] == ["session_started", "transcript", "understanding", "reply"]


async def test_json_frames_and_normal_close_ends_the_session(rig, wait_until):
    async with browser(rig) as socket:
        await socket.send(json.dumps({"config": {"role": "ROLE_SHOPPER", "textOnly": True}}))
        started = json.loads(await asyncio.wait_for(socket.recv(), 5))
        assert started["sessionStarted"]["sessionId"]
        await socket.send(json.dumps({"text": {"text": "你好"}}))
        while "reply" not in (response := json.loads(await asyncio.wait_for(socket.recv(), 5))):
            pass
        assert response["reply"]["text"] == "你说的是你好"
    await wait_until(lambda: rig.backend.control_events("session_ended"))
    assert rig.backend.control_events("session_ended")[0].session_ended.reason == "client_closed"


async def test_broken_connection_can_be_resumed(rig, wait_until):
    async with browser(rig) as socket:
        await socket.send(json.dumps({"config": {}}))
        started = json.loads(await asyncio.wait_for(socket.recv(), 5))["sessionStarted"]
        socket.transport.abort()
        await wait_until(lambda: all(e.session.connection is None for e in rig.registry._entries.values()))
    async with browser(rig) as socket:
        await socket.send(json.dumps({"config": {"resumeToken": started["resumeToken"], "lastReceivedSequence": "1"}}))
        again = json.loads(await asyncio.wait_for(socket.recv(), 5))["sessionStarted"]
    assert again["resumed"]
    assert again["sessionId"] == started["sessionId"]


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        ('{"config": {"locale": "xx"}}', "locale"),
        ('{"text": {"text": "x"}}', "first message must be config"),
        ("no json", "not a ConverseRequest"),
        (b"\xff\xff", "not a ConverseRequest"),
    ],
)
async def test_bad_frames_are_told_and_the_connection_closed(rig, frame, sentence):
    async with browser(rig) as socket:
        await socket.send(frame)
        answer = await asyncio.wait_for(socket.recv(), 5)
        message = (
            json.loads(answer)["error"]["message"]
            if isinstance(answer, str)
            else ConverseResponse.FromString(answer).error.message
        )
        assert sentence in message
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)
        assert socket.close_code == 1008
        assert "INVALID_ARGUMENT" in socket.close_reason
