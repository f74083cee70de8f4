"""Books of finished offsets: nothing unfinished is ever committed over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart.bus import Record
from voxcart.bus.offsets import HeldOffsets, OffsetTracker

pytestmark = pytest.mark.unit


def record(offset: int, session_id: str = "s") -> Record:
    return Record("t", 0, offset, session_id.encode(), b"x")


@given(st.permutations(range(12)), st.integers(0, 12))
def test_the_committable_offset_is_the_first_unfinished(order: list[int], num_finished: int) -> None:
    tracker = OffsetTracker(100)
    for offset in range(12):
        assert tracker.take(record(100 + offset))
    for offset in order[:num_finished]:
        tracker.handled(record(100 + offset))
    unfinished = set(range(12)) - set(order[:num_finished])
    assert tracker.committable == 100 + min(unfinished, default=12)


def test_gaps_in_offsets_do_not_hold_a_commit() -> None:
    tracker = OffsetTracker(0)
    for offset in (3, 7, 9):
        tracker.take(record(offset))
        tracker.handled(record(offset))
    assert tracker.committable == 10


def test_a_log_that_starts_again_is_followed() -> None:
    tracker = OffsetTracker(500)
    tracker.take(record(500))
    tracker.take(record(0))
    assert tracker.committable == 0
    tracker.handled(record(0))
    assert tracker.committable == 1


def test_the_oldest_unfinished_session_decides() -> None:
    book = HeldOffsets(0)
    for offset, session_id in enumerate(["a", "b", "a", "b", "a"]):
        assert book.take(record(offset, session_id))
    book.finish("a", 5, {"n": 1})
    assert book.committable == 1
    book.finish("b", 3, {"n": 2})
    assert book.committable == 3
    book.finish("b", 4, {"n": 2})
    assert book.committable == 5


@given(
    sessions=st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=20),
    finished=st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 20), max_size=3),
)
def test_a_replay_brings_exactly_what_was_not_finished(sessions: list[str], finished: dict[str, int]) -> None:
    book = HeldOffsets(0)
    for offset, session_id in enumerate(sessions):
        book.take(record(offset, session_id))
    for session_id, before in finished.items():
        book.finish(session_id, before, {"before": before})

    again = HeldOffsets.from_snapshot(book.snapshot())
    replayed = [
        offset
        for offset, session_id in enumerate(sessions)
        if offset >= again.committable and again.take(record(offset, session_id))
    ]
    assert replayed == [offset for offset, name in enumerate(sessions) if offset >= finished.get(name, 0)]
    assert again.checkpoints() == {name: {"before": before} for name, before in finished.items()}


def test_a_session_that_is_over_holds_nothing_and_leaves_no_checkpoint() -> None:
    book = HeldOffsets(0)
    book.take(record(0))
    book.finish("s", 0, {"n": 1})
    book.forget("s")
    assert book.committable == 1
    assert book.checkpoints() == {}


def test_a_session_that_went_silent_is_released_and_later_forgotten() -> None:
    now = [0.0]
    book = HeldOffsets(0, clock=lambda: now[0])
    book.take(record(0))
    book.finish("s", 0, {"n": 1})
    now[0] = 100.0
    assert book.release_idle(hold_s=120, forget_s=1800) == []
    now[0] = 121.0
    assert book.release_idle(hold_s=120, forget_s=1800) == ["s"]
    assert book.committable == 1
    assert book.checkpoints() == {"s": {"n": 1}}
    now[0] = 1801.0
    book.release_idle(hold_s=120, forget_s=1800)
    assert book.checkpoints() == {}


def test_after_the_broker_lost_its_log_nothing_is_skipped() -> None:
    book = HeldOffsets(0)
    book.take(record(40))
    book.finish("s", 41, {"n": 1})
    assert book.take(record(0))
    assert book.checkpoints() == {"s": {"n": 1}}


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"offset": 1, "sessions": {"s": 3}}', b"\xff"])
def test_bytes_that_are_no_snapshot_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="checkpoint"):
        HeldOffsets.from_snapshot(data)
