"""Placing keys in partitions."""

import pytest

from voxcart.bus import RETURN_TOPICS, TOPICS, partition_for
from voxcart.bus.topics import topic_named

pytestmark = pytest.mark.unit


# Values of org.apache.kafka.common.utils.Utils.murmur2, made positive, from Kafka's own UtilsTest.
@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_kafkas(key: bytes, hashed: int) -> None:
    for num_partitions in (1, 8, 12, 64):
        assert partition_for(key, num_partitions) == (hashed & 0x7FFFFFFF) % num_partitions


def test_text_is_hashed_as_utf8() -> None:
    assert partition_for("会话") == partition_for("会话".encode())


def test_names_are_unique_and_found() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)
    assert all(topic_named(topic.name) is topic for topic in TOPICS)
    assert all(topic.is_session and topic.key == "session_id" for topic in RETURN_TOPICS)
