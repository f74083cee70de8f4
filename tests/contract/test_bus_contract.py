"""What every bus promises, tried on the in-memory one, the embedded broker and Apache Kafka."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import pytest
import pytest_asyncio
from support.bus_brokers import Apache, BrokerUnderTest, Embedded, InMemory, missing_for_kafka

from voxcart.bus import (
    AUDIO,
    CATALOGUE,
    CONTROL,
    DEAD_LETTER,
    REPLIES,
    TRANSCRIPTS,
    UNDERSTANDING,
    BroadcastReader,
    Bus,
    BusUnavailable,
    Message,
    MessageTooLarge,
    ReturnReader,
    SessionIdMinter,
    SessionWorker,
    TopicPartition,
    UtteranceHandler,
    UtteranceWorker,
    WorkerOptions,
    current_traceparent,
    make_envelope,
)
from voxcart.bus.offsets import Checkpoint
from voxcart.errors import InvalidInput, Unavailable
from voxcart_api.bus.v1 import bus_pb2
from voxcart_api.common.v1.common_pb2 import SessionContext

pytestmark = [pytest.mark.contract, pytest.mark.asyncio(loop_scope="module")]

SOON_S = 20.0
QUICK = WorkerOptions(retry_for_s=5.0, commit_interval_s=0.05, drain_s=2.0)


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["memory", "embedded", "kafka"])
async def broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BrokerUnderTest]:
    """A running broker of each kind; Apache Kafka only where Java and Maven are."""
    if request.param == "memory":
        under_test: BrokerUnderTest = InMemory()
    elif request.param == "embedded":
        under_test = Embedded(tmp_path_factory.mktemp("broker"))
    else:
        if reason := missing_for_kafka():
            pytest.skip(reason)
        under_test = Apache(tmp_path_factory.mktemp("kafka"))
    await under_test.start()
    yield under_test
    await under_test.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def bus(broker: BrokerUnderTest) -> AsyncIterator[Bus]:
    async with broker.bus("test") as bus:
        yield bus


def new_session() -> str:
    return f"s-{uuid4().hex[:16]}"


def final(session_id: str, number: int, text: str = "") -> bus_pb2.Envelope:
    utterance_id = f"{session_id}/{number}"
    return make_envelope(
        SessionContext(session_id=session_id, user_id="u1"),
        bus_pb2.Transcript(utterance_id=utterance_id, kind=bus_pb2.Transcript.KIND_FINAL, text=text),
        event_id=f"{utterance_id}/final",
        correlation_id=utterance_id,
    )


def audio(session_id: str, first_sample: int) -> bus_pb2.Envelope:
    return make_envelope(
        SessionContext(session_id=session_id),
        bus_pb2.AudioChunk(first_sample=first_sample, pcm_s16le=b"\0" * 2048),
        event_id=f"{session_id}/audio/{first_sample}",
    )


async def until(condition: Callable[[], bool], timeout_s: float = SOON_S) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


class Sink:
    """A handler that notes what it saw."""

    def __init__(self, do: Callable[[Message], Awaitable[None]] | None = None) -> None:
        self.seen: list[Message] = []
        self._do = do

    async def __call__(self, message: Message) -> None:
        self.seen.append(message)
        if self._do is not None:
            await self._do(message)

    def ids(self, session_id: str) -> list[str]:
        return [message.event_id for message in self.seen if message.session_id == session_id]


@asynccontextmanager
async def working(
    worker: SessionWorker | BroadcastReader | ReturnReader, *, crash: bool = False
) -> AsyncIterator[None]:
    """Runs a worker for the length of the block, then drains it, or drops it as a crash would."""
    run = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        if crash:
            run.cancel()
        else:
            async with asyncio.timeout(SOON_S):
                await worker.drain()
        with suppress(asyncio.CancelledError):
            await run


async def dead_letters(bus: Bus, since: Mapping[TopicPartition, int]) -> list[bus_pb2.DeadLetter]:
    return [
        message.envelope.dead_letter
        for place, offset in since.items()
        async for message in bus.read_from(DEAD_LETTER, place.partition, offset)
    ]


async def ends(bus: Bus, topic: str) -> dict[TopicPartition, int]:
    return await bus.end_offsets([TopicPartition(topic, partition) for partition in range(bus.num_partitions)])


async def test_an_event_comes_back_as_it_was_published(bus: Bus) -> None:
    session_id = new_session()
    sent = final(session_id, 1, "我想买苹果")
    trace = f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"
    token = current_traceparent.set(trace)
    position = await bus.publish(TRANSCRIPTS, session_id, sent)
    current_traceparent.reset(token)

    assert position.partition == bus.partition_for(session_id)
    [message] = [message async for message in bus.read_from(TRANSCRIPTS, position.partition, position.offset)]
    assert message.envelope == sent
    assert (message.key, message.session_id) == (session_id, session_id)
    assert message.headers["traceparent"] == trace
    assert message.headers["producer"] == "test"
    assert message.headers.keys() >= {"schema", "sent-at", "sequence"}


async def test_messages_of_a_session_stay_in_order_and_sessions_run_side_by_side(
    broker: BrokerUnderTest, bus: Bus
) -> None:
    sessions = [new_session() for _ in range(6)]
    running, most_running = 0, 0

    async def slowly(_: Message) -> None:
        nonlocal running, most_running
        running += 1
        most_running = max(most_running, running)
        await asyncio.sleep(0.005)
        running -= 1

    sink = Sink(slowly)
    group = await broker.new_group(bus, [TRANSCRIPTS])
    async with working(SessionWorker(bus, group, [TRANSCRIPTS], sink, QUICK)):
        for number in range(10):
            await asyncio.gather(*(bus.publish(TRANSCRIPTS, s, final(s, number)) for s in sessions))
        await until(lambda: len(sink.seen) >= 60)
    for session_id in sessions:
        assert sink.ids(session_id) == [f"{session_id}/{number}/final" for number in range(10)]
    assert most_running > 1


async def test_a_message_in_work_at_a_crash_is_delivered_again(broker: BrokerUnderTest, bus: Bus) -> None:
    session_id = new_session()
    group = await broker.new_group(bus, [TRANSCRIPTS])
    stuck = asyncio.Event()

    async def hang_on_second(message: Message) -> None:
        if message.event_id.endswith("/1/final"):
            stuck.set()
            await asyncio.Event().wait()

    first = Sink(hang_on_second)
    async with (
        broker.bus("doomed") as doomed,
        working(SessionWorker(doomed, group, [TRANSCRIPTS], first, QUICK), crash=True),
    ):
        for number in range(3):
            await bus.publish(TRANSCRIPTS, session_id, final(session_id, number))
        async with asyncio.timeout(SOON_S):
            await stuck.wait()
        await asyncio.sleep(0.3)

    second = Sink()
    async with working(SessionWorker(bus, group, [TRANSCRIPTS], second, QUICK)):
        await until(lambda: len(second.ids(session_id)) >= 2)
    assert second.ids(session_id) == [f"{session_id}/1/final", f"{session_id}/2/final"]


async def test_a_commit_never_passes_over_unfinished_work(broker: BrokerUnderTest, bus: Bus) -> None:
    slow = new_session()
    fast = next(s for s in iter(new_session, None) if bus.partition_for(s) == bus.partition_for(slow))
    group = await broker.new_group(bus, [TRANSCRIPTS])

    async def hang_on_slow(message: Message) -> None:
        if message.session_id == slow:
            await asyncio.Event().wait()

    first = Sink(hang_on_slow)
    async with (
        broker.bus("doomed") as doomed,
        working(SessionWorker(doomed, group, [TRANSCRIPTS], first, QUICK), crash=True),
    ):
        await bus.publish(TRANSCRIPTS, slow, final(slow, 0))
        await bus.publish(TRANSCRIPTS, fast, final(fast, 0))
        await until(lambda: len(first.seen) == 2)
        await asyncio.sleep(0.3)

    second = Sink()
    async with working(SessionWorker(bus, group, [TRANSCRIPTS], second, QUICK)):
        await until(lambda: bool(second.ids(slow)) and bool(second.ids(fast)))


async def test_drained_work_is_not_delivered_again(broker: BrokerUnderTest, bus: Bus) -> None:
    session_id = new_session()
    group = await broker.new_group(bus, [TRANSCRIPTS])
    first = Sink()
    async with broker.bus("first") as other, working(SessionWorker(other, group, [TRANSCRIPTS], first, QUICK)):
        await bus.publish(TRANSCRIPTS, session_id, final(session_id, 0))
        await until(lambda: bool(first.seen))
    second = Sink()
    async with working(SessionWorker(bus, group, [TRANSCRIPTS], second, QUICK)):
        await bus.publish(TRANSCRIPTS, session_id, final(session_id, 1))
        await until(lambda: bool(second.seen))
    assert second.ids(session_id) == [f"{session_id}/1/final"]


async def test_a_handler_that_hangs_does_not_hold_up_a_drain(broker: BrokerUnderTest, bus: Bus) -> None:
    session_id = new_session()
    group = await broker.new_group(bus, [TRANSCRIPTS])

    async def hang(_: Message) -> None:
        await asyncio.Event().wait()

    sink = Sink(hang)
    options = WorkerOptions(drain_s=0.2)
    async with broker.bus("hung") as other, working(SessionWorker(other, group, [TRANSCRIPTS], sink, options)):
        await bus.publish(TRANSCRIPTS, session_id, final(session_id, 0))
        await until(lambda: bool(sink.seen))
    successor = Sink()
    async with working(SessionWorker(bus, group, [TRANSCRIPTS], successor, QUICK)):
        await until(lambda: bool(successor.ids(session_id)))


async def test_retryable_errors_are_tried_again_in_order(broker: BrokerUnderTest, bus: Bus) -> None:
    session_id = new_session()
    failures = 2

    async def fail_twice(_: Message) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable("the database is away")

    sink = Sink(fail_twice)
    group = await broker.new_group(bus, [TRANSCRIPTS])
    before = await ends(bus, DEAD_LETTER.name)
    async with working(SessionWorker(bus, group, [TRANSCRIPTS], sink, QUICK)):
        for number in range(2):
            await bus.publish(TRANSCRIPTS, session_id, final(session_id, number))
        await until(lambda: len(sink.seen) >= 4)
    assert [one.split("/")[1] for one in sink.ids(session_id)] == ["0", "0", "0", "1"]
    assert await dead_letters(bus, before) == []


async def test_other_errors_become_dead_letters_and_the_session_goes_on(broker: BrokerUnderTest, bus: Bus) -> None:
    session_id = new_session()
    told: list[tuple[str, str]] = []

    async def refuse_first(message: Message) -> None:
        if message.event_id.endswith("/0/final"):
            raise InvalidInput("no such voice")

    async def tell(message: Message, error: Exception) -> None:
        told.append((message.event_id, str(error)))

    sink = Sink(refuse_first)
    group = await broker.new_group(bus, [TRANSCRIPTS])
    before = await ends(bus, DEAD_LETTER.name)
    async with working(SessionWorker(bus, group, [TRANSCRIPTS], sink, QUICK, on_dead_letter=tell)):
        for number in range(2):
            await bus.publish(TRANSCRIPTS, session_id, final(session_id, number))
        await until(lambda: len(sink.seen) >= 2)
    [letter] = await dead_letters(bus, before)
    assert letter.key == session_id.encode()
    assert letter.topic == TRANSCRIPTS.name
    assert letter.reason == "InvalidInput: no such voice"
    assert letter.consumer == group
    assert told == [(f"{session_id}/0/final", "no such voice")]


@pytest.mark.parametrize("value", [b"\xff\xfe not protobuf", b""], ids=["garbage", "empty"])
async def test_a_corrupt_record_becomes_a_dead_letter(broker: BrokerUnderTest, bus: Bus, value: bytes) -> None:
    session_id = new_session()
    sink = Sink()
    group = await broker.new_group(bus, [TRANSCRIPTS])
    before = await ends(bus, DEAD_LETTER.name)
    async with working(SessionWorker(bus, group, [TRANSCRIPTS], sink, QUICK)):
        await bus.publish_bytes(TRANSCRIPTS.name, session_id.encode(), value)
        await bus.publish(TRANSCRIPTS, session_id, final(session_id, 0))
        await until(lambda: bool(sink.seen))
    assert sink.ids(session_id) == [f"{session_id}/0/final"]
    [letter] = await dead_letters(bus, before)
    assert letter.value == value
    assert letter.reason.startswith("UndecodableMessage: ")


async def test_no_more_is_taken_than_the_worker_may_hold(broker: BrokerUnderTest, bus: Bus) -> None:
    sessions = [new_session() for _ in range(5)]
    gate = asyncio.Event()

    async def wait_at_gate(_: Message) -> None:
        await gate.wait()

    sink = Sink(wait_at_gate)
    group = await broker.new_group(bus, [TRANSCRIPTS])
    options = WorkerOptions(max_in_flight=8, max_sessions=3, commit_interval_s=0.05)
    worker = SessionWorker(bus, group, [TRANSCRIPTS], sink, options)
    async with working(worker):
        await asyncio.gather(*(bus.publish(TRANSCRIPTS, s, final(s, n)) for n in range(8) for s in sessions))
        await until(lambda: worker.in_flight == 8)
        await asyncio.sleep(0.2)
        assert worker.in_flight == 8
        assert 1 <= len(sink.seen) <= 3
        gate.set()
        await until(lambda: len(sink.seen) == 40)


class Utterances(UtteranceHandler):
    """Notes messages and the checkpoints it was given."""

    def __init__(self) -> None:
        self.seen: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        self.checkpoints: dict[str, Checkpoint] = {}

    async def handle(self, message: Message) -> None:
        self.seen[message.session_id].append((message.envelope.audio.first_sample, message.offset))

    async def on_partition_assigned(self, partition: int, checkpoints: Mapping[str, Checkpoint]) -> None:
        self.checkpoints.update(checkpoints)

    async def on_partition_revoked(self, partition: int) -> None:
        for session_id in list(self.seen):
            del self.seen[session_id]


async def test_an_unfinished_utterance_is_replayed_with_its_checkpoint(broker: BrokerUnderTest, bus: Bus) -> None:
    open_session = new_session()
    done_session = next(s for s in iter(new_session, None) if bus.partition_for(s) == bus.partition_for(open_session))
    group = await broker.new_group(bus, [AUDIO])
    first = Utterances()
    async with broker.bus("doomed") as doomed:
        worker = UtteranceWorker(doomed, group, AUDIO, first, QUICK)
        async with working(worker, crash=True):
            for chunk in range(6):
                for session_id in (open_session, done_session):
                    await bus.publish(AUDIO, session_id, audio(session_id, chunk * 1024))
            await until(lambda: len(first.seen[open_session]) == 6 and len(first.seen[done_session]) == 6)
            third_offset = first.seen[open_session][2][1]
            worker.finish(open_session, third_offset, {"next_utterance": 2, "sample": 2048})
            last_offset = first.seen[done_session][-1][1]
            worker.finish(done_session, last_offset + 1, {"next_utterance": 5})
            await asyncio.sleep(0.5)

    second = Utterances()
    worker = UtteranceWorker(bus, group, AUDIO, second, QUICK)
    async with working(worker):
        await until(lambda: len(second.seen[open_session]) == 4)
        assert [sample for sample, _ in second.seen[open_session]] == [2048, 3072, 4096, 5120]
        assert second.seen[done_session] == []
        assert second.checkpoints[open_session] == {"next_utterance": 2, "sample": 2048}
        assert second.checkpoints[done_session] == {"next_utterance": 5}
        worker.end_session(open_session)
        worker.end_session(done_session)

    third = Utterances()
    async with working(UtteranceWorker(bus, group, AUDIO, third, QUICK)):
        await bus.publish(AUDIO, open_session, audio(open_session, 6144))
        await until(lambda: bool(third.seen[open_session]))
    assert open_session not in third.checkpoints


async def test_the_return_path_brings_a_session_its_own_messages(bus: Bus) -> None:
    reader = ReturnReader(bus)
    minter = SessionIdMinter(bus, reader, home=[3])
    mine, other = minter.mint(), minter.mint()
    assert bus.partition_for(mine) == bus.partition_for(other) == 3
    await bus.publish(TRANSCRIPTS, mine, final(mine, 0, "before it was added"))
    got: list[Message] = []
    async with working(reader):
        await reader.add_session(mine, got.append)
        assert reader.sessions_per_partition == {3: 1}
        await bus.publish(TRANSCRIPTS, mine, final(mine, 1))
        await bus.publish(TRANSCRIPTS, other, final(other, 1))
        await bus.publish(UNDERSTANDING, mine, final(mine, 2))
        await until(lambda: len(got) == 2)
        positions = reader.positions(mine)
        await reader.remove_session(mine)
        assert reader.sessions_per_partition == {}
        await bus.publish(REPLIES, mine, final(mine, 3))
        await asyncio.sleep(0.2)
        await reader.add_session(mine, got.append, since=positions)
        await until(lambda: len(got) == 3)
        await bus.publish(REPLIES, mine, final(mine, 4))
        await until(lambda: len(got) == 4)
    assert sorted(message.event_id for message in got) == [f"{mine}/{number}/final" for number in (1, 2, 3, 4)]


async def test_a_failing_client_does_not_disturb_another(bus: Bus) -> None:
    reader = ReturnReader(bus)
    minter = SessionIdMinter(bus, reader, home=[5])
    broken, healthy = minter.mint(), minter.mint()
    got: list[Message] = []

    def fail(_: Message) -> None:
        raise RuntimeError("queue is gone")

    async with working(reader):
        await reader.add_session(broken, fail)
        await reader.add_session(healthy, got.append)
        await bus.publish(TRANSCRIPTS, broken, final(broken, 1))
        await bus.publish(TRANSCRIPTS, healthy, final(healthy, 1))
        await until(lambda: bool(got))


async def test_every_process_hears_control_and_the_whole_catalogue(broker: BrokerUnderTest, bus: Bus) -> None:
    sku, session_id = f"sku-{uuid4().hex[:8]}", new_session()

    def product(stock: int) -> bus_pb2.Envelope:
        return make_envelope(None, bus_pb2.ProductChanged(sku=sku, stock=stock), event_id=f"product/{sku}/{stock}")

    def started(number: int) -> bus_pb2.Envelope:
        context = SessionContext(session_id=session_id)
        return make_envelope(context, bus_pb2.SessionStarted(), event_id=f"{session_id}/started/{number}")

    await bus.publish(CATALOGUE, sku, product(1))
    await bus.publish(CONTROL, session_id, started(0))
    sinks = [Sink(), Sink()]
    async with broker.bus("another") as another:
        readers = [BroadcastReader(one, [CATALOGUE, CONTROL], s) for one, s in zip((bus, another), sinks, strict=True)]
        async with working(readers[0]), working(readers[1]):
            for reader in readers:
                await reader.wait_caught_up(SOON_S)
            await bus.publish(CATALOGUE, sku, product(2))
            await bus.publish(CONTROL, session_id, started(1))
            for sink in sinks:
                await until(lambda sink=sink: bool(sink.ids(session_id)) and sink.seen[-1] is not None)
                await until(lambda sink=sink: any(m.event_id == f"product/{sku}/2" for m in sink.seen))
    for sink in sinks:
        assert [m.event_id for m in sink.seen if m.envelope.product.sku == sku] == [
            f"product/{sku}/1",
            f"product/{sku}/2",
        ]
        assert sink.ids(session_id) == [f"{session_id}/started/1"]


async def test_a_value_over_the_limit_is_refused_at_once(bus: Bus) -> None:
    session_id = new_session()
    with pytest.raises(MessageTooLarge, match="bytes"):
        await bus.publish(TRANSCRIPTS, session_id, final(session_id, 0, "x" * 1_100_000))


async def test_a_lost_log_that_grew_to_its_old_length_is_noticed(broker: BrokerUnderTest) -> None:
    session_id = new_session()
    sink, heard = Sink(), Sink()
    got: list[Message] = []
    async with broker.bus("test") as bus:
        group = await broker.new_group(bus, [TRANSCRIPTS])
        reader = ReturnReader(bus)
        worker = SessionWorker(bus, group, [TRANSCRIPTS], sink, QUICK)
        everyone = BroadcastReader(bus, [TRANSCRIPTS], heard)
        async with working(worker), working(reader), working(everyone):
            await everyone.wait_caught_up(SOON_S)
            await reader.add_session(session_id, got.append)
            for number in range(2):
                await bus.publish(TRANSCRIPTS, session_id, final(session_id, number))
                await until(lambda number=number: len(sink.seen) == len(got) == len(heard.seen) == number + 1)
                if number == 0:
                    await broker.stop()
                    await broker.start()


async def test_the_bus_survives_a_broker_that_goes_and_comes_back(broker: BrokerUnderTest) -> None:
    session_id = new_session()
    sink = Sink()
    got: list[Message] = []
    async with broker.bus("patient") as bus, broker.bus("hasty") as hasty:
        group = await broker.new_group(bus, [TRANSCRIPTS])
        reader = ReturnReader(bus)
        async with working(SessionWorker(bus, group, [TRANSCRIPTS], sink, QUICK)), working(reader):
            await reader.add_session(session_id, got.append)
            for number in range(3):
                await bus.publish(TRANSCRIPTS, session_id, final(session_id, number))
            await until(lambda: len(sink.seen) == 3 and len(got) == 3)
            await asyncio.sleep(0.2)

            await broker.stop()
            assert not await bus.is_reachable(timeout_s=1.0)
            with pytest.raises(BusUnavailable):
                await hasty.publish(TRANSCRIPTS, session_id, final(session_id, 98), timeout_s=0.5)
            publishing = asyncio.create_task(bus.publish(TRANSCRIPTS, session_id, final(session_id, 3)))
            await asyncio.sleep(0.5)
            assert not publishing.done()
            await broker.start()
            await asyncio.wait_for(publishing, 30.0)
            await until(lambda: f"{session_id}/3/final" in sink.ids(session_id), 30.0)
            await until(lambda: f"{session_id}/3/final" in [message.event_id for message in got], 30.0)
            await bus.publish(TRANSCRIPTS, session_id, final(session_id, 4))
            await until(lambda: f"{session_id}/4/final" in sink.ids(session_id), 30.0)
