"""Prefetching: openers are the first clauses of replies, and are made only while nobody else wants speech."""

import asyncio
import itertools

import pytest
from support.tts import running_studio, scripted_voices

from voxcart_services.tts.speaking.prefetch import prefetch_phrases, read_openers
from voxcart_services.tts.text.clauses import split_clauses

pytestmark = pytest.mark.unit


def test_every_opener_is_the_first_clause_of_a_reply_that_begins_with_it() -> None:
    openers = read_openers(scripted_voices())
    assert len(openers) > 20
    for phrase, delivery in openers:
        rest = "已经加入购物车。" if delivery.language == "zh" else " two boxes of milk are in your cart."
        assert split_clauses(phrase + rest)[0].text.strip() == phrase


async def test_phrases_are_made_when_the_service_is_idle() -> None:
    async with running_studio() as studio:
        openers = read_openers(studio.voices)[:3]
        idle = itertools.chain([0.0], itertools.repeat(30.0))
        await asyncio.wait_for(
            prefetch_phrases(studio.synthesizer, openers, lambda: next(idle), wait_idle_seconds=0.01, duty=1.0), 10
        )
        calls = len(studio.encoder.calls)
        for phrase, delivery in openers:
            assert await studio.synthesizer.prefetch(phrase, delivery) == 0
    assert calls == 3


async def test_phrases_wait_while_sessions_speak() -> None:
    async with running_studio() as studio:
        task = asyncio.create_task(
            prefetch_phrases(
                studio.synthesizer, read_openers(studio.voices), lambda: 0.0, wait_idle_seconds=5.0, duty=1.0
            )
        )
        await asyncio.sleep(0)
        assert not studio.encoder.calls
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
