"""The corrector behind an OpenAI-compatible endpoint, on a real HTTP server: what is taken and what is not."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from voxcart_services.asr.text.correction import CorrectionRequest, Corrector
from voxcart_services.asr.text.llm import LlmCorrector, LlmSettings, is_credible
from voxcart_services.asr.text.pipeline import TextPipeline

pytestmark = pytest.mark.unit

Answer = Callable[[dict], Awaitable[bytes]]


class Endpoint:
    """What the server was asked, and how it answers."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[dict] = []
        self.headers: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = dict(line.lower().split(": ", 1) for line in head.splitlines() if ": " in line)
            self.headers.append(head)
            self.requests.append(json.loads(await reader.readexactly(int(fields["content-length"]))))
            writer.write(await self.answer(self.requests[-1]))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def reply(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def completion(text: object) -> bytes:
    return reply(json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode())


@asynccontextmanager
async def serving(answer: Answer, **changes: object) -> AsyncIterator[tuple[LlmCorrector, Endpoint]]:
    endpoint = Endpoint(answer)
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = replace(LlmSettings(f"http://127.0.0.1:{port}/v1/", "tiny", "secret", timeout_ms=5_000), **changes)
    corrector = LlmCorrector(settings)
    try:
        yield corrector, endpoint
    finally:
        await corrector.aclose()
        server.close()


def always(answer: bytes) -> Answer:
    async def give(_: dict) -> bytes:
        return answer

    return give


async def test_the_answer_becomes_edits_of_the_sentence() -> None:
    async with serving(always(completion("我想买苹果"))) as (corrector, endpoint):
        edits = await corrector.suggest(CorrectionRequest("我想卖平锅", "demo", (("苹果", "香蕉"),)))
    assert [(e.start, e.end, e.before, e.after, e.reason) for e in edits] == [(2, 5, "卖平锅", "买苹果", "llm")]
    assert corrector.outcomes == {"corrected": 1}
    (request,), (headers,) = endpoint.requests, endpoint.headers
    assert "authorization: bearer secret" in headers.lower()
    assert headers.startswith("POST /v1/chat/completions ")
    assert json.loads(request["messages"][1]["content"]) == {"text": "我想卖平锅", "words": ["苹果", "香蕉"]}
    assert "demo" not in json.dumps(request)


async def test_only_as_many_words_are_sent_as_are_allowed() -> None:
    async with serving(always(completion("好的")), max_words=0) as (corrector, endpoint):
        assert await corrector.suggest(CorrectionRequest("好的", "demo", (("苹果",),))) == []
    assert json.loads(endpoint.requests[0]["messages"][1]["content"])["words"] == []


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(b"{}", "500 Internal Server Error"), "error"),
        (reply(b"", "302 Found\r\nLocation: http://127.0.0.1:1/"), "error"),
        (reply(b"\xff\xfe not json"), "error"),
        (reply(b"[1, 2]"), "error"),
        (reply(b'{"choices": []}'), "error"),
        (completion(None), "error"),
        (completion({"text": "好"}), "error"),
        (reply(b" " * 100_000), "error"),
        (b"nonsense\r\n\r\n", "error"),
        (b"", "error"),
        (completion(""), "rejected"),
        (completion("好的！这是修改后的句子：我想买苹果。希望能帮到你"), "rejected"),
        (completion("今天天气真不错啊"), "rejected"),
        (completion("我想买苹果\n忽略"), "rejected"),
        (completion("我想买9苹果"), "rejected"),
        (completion("我想卖平锅"), "unchanged"),
    ],
)
async def test_what_is_no_correction_changes_nothing(answer: bytes, outcome: str) -> None:
    async with serving(always(answer)) as (corrector, _):
        assert await corrector.suggest(CorrectionRequest("我想卖平锅", "demo")) == []
    assert corrector.outcomes == {outcome: 1}


async def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    never = asyncio.Event()

    async def hang(_: dict) -> bytes:
        await never.wait()
        return b""

    async with serving(hang, timeout_ms=60) as (corrector, _):
        assert await corrector.suggest(CorrectionRequest("我想卖平锅", "demo")) == []
        assert corrector.outcomes == {"timeout": 1}
        never.set()


async def test_a_server_that_is_not_there_changes_nothing() -> None:
    corrector = LlmCorrector(LlmSettings("http://127.0.0.1:1/v1", "tiny"))
    assert await corrector.suggest(CorrectionRequest("我想卖平锅", "demo")) == []
    assert corrector.outcomes == {"error": 1}
    await corrector.aclose()


async def test_more_than_may_be_in_flight_are_not_asked() -> None:
    release = asyncio.Event()

    async def wait(_: dict) -> bytes:
        await release.wait()
        return completion("我想买平锅")

    async with serving(wait, max_in_flight=1) as (corrector, endpoint):
        first = asyncio.create_task(corrector.suggest(CorrectionRequest("我想卖平锅", "demo")), name="first")
        while not endpoint.requests:
            await asyncio.sleep(0)
        assert await corrector.suggest(CorrectionRequest("我想卖平锅", "demo")) == []
        release.set()
        assert len(await first) == 1
    assert corrector.outcomes == {"skipped": 1, "corrected": 1}


async def test_cancelling_leaves_nothing_in_flight() -> None:
    asked = asyncio.Event()

    async def hang(_: dict) -> bytes:
        asked.set()
        await asyncio.Event().wait()
        return b""

    async with serving(hang) as (corrector, _):
        task = asyncio.create_task(corrector.suggest(CorrectionRequest("我想卖平锅", "demo")), name="asking")
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert corrector._in_flight == 0


async def test_the_pipeline_adds_the_edits_to_its_own() -> None:
    async with serving(always(completion("买3斤苹果泥"))) as (second, _):
        pipeline = TextPipeline(Corrector(), second)
        plain = pipeline.process("買三斤苹果你", tenant="x")
        polished = await pipeline.polish(plain, tenant="x")
    assert polished.text == "买3斤苹果泥"
    text = polished.raw_text
    for edit in reversed(polished.edits):
        assert text[edit.start : edit.end] == edit.before
        text = text[: edit.start] + edit.after + text[edit.end :]
    assert text == polished.text


async def test_without_a_second_corrector_nothing_is_polished() -> None:
    pipeline = TextPipeline(Corrector())
    plain = pipeline.process("我想买苹果", tenant="x")
    assert await pipeline.polish(plain, tenant="x") is plain


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="http"):
        LlmCorrector(LlmSettings("ftp://x", "tiny"))
    with pytest.raises(ValueError, match="model"):
        LlmCorrector(LlmSettings("http://x", ""))
    assert "secret" not in repr(LlmSettings("http://x", "tiny", "secret"))


def test_credible_is_what_is_near_in_sound_and_length() -> None:
    assert is_credible("去认下答", "确认下单")
    assert is_credible("我要买300元的", "我要卖300元的")
    assert not is_credible("我要买300元的", "我要买500元的")
    assert not is_credible("好", "好的，我已经为您改好了")
    assert not is_credible("我想买苹果", "")
