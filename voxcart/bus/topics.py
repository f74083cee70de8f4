"""All topics of the bus, and the rule that places a key in a partition."""

from dataclasses import dataclass

DEFAULT_PARTITIONS = 8
"""Partitions of every session topic. All session topics must have the same number, so that a session's audio,
transcripts and replies are in partitions of the same index."""

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes:
        name: Name on the broker, ``voxcart.<entity>.v1``.
        key: What the record key holds: ``session_id``, ``user_id``, ``sku`` or ``origin``.
        owner: The service that writes it.
        retention_ms: How long records are kept, milliseconds; ignored when compacted.
        compacted: Only the newest record of each key is kept.
        is_session: Co-partitioned with the other session topics.
    """

    name: str
    key: str
    owner: str
    retention_ms: int = _HOUR_MS
    compacted: bool = False
    is_session: bool = True

    def __str__(self) -> str:
        return self.name


AUDIO = Topic("voxcart.audio.v1", "session_id", "gateway")
CONTROL = Topic("voxcart.control.v1", "session_id", "gateway, dialogue")
TRANSCRIPTS = Topic("voxcart.transcripts.v1", "session_id", "asr, gateway (typed text)")
UNDERSTANDING = Topic("voxcart.understanding.v1", "session_id", "nlu")
REPLIES = Topic("voxcart.replies.v1", "session_id", "dialogue")
SPEECH = Topic("voxcart.speech.v1", "session_id", "tts")
EVENTS = Topic("voxcart.events.v1", "user_id", "shop, dialogue", 7 * _DAY_MS, is_session=False)
FEEDBACK = Topic("voxcart.feedback.v1", "session_id", "any", 30 * _DAY_MS, is_session=False)
CATALOGUE = Topic("voxcart.catalogue.v1", "<tenant>/<sku>", "shop", compacted=True, is_session=False)
ALERTS = Topic("voxcart.alerts.v1", "<tenant>/<sku>", "shop", 7 * _DAY_MS, is_session=False)
DEAD_LETTER = Topic("voxcart.dead-letter.v1", "key of the message", "any", 14 * _DAY_MS, is_session=False)
CHECKPOINTS = Topic("voxcart.checkpoints.v1", "<group>/<topic>/<partition>", "asr", compacted=True)

TOPICS = (
    AUDIO,
    CONTROL,
    TRANSCRIPTS,
    UNDERSTANDING,
    REPLIES,
    SPEECH,
    EVENTS,
    FEEDBACK,
    CATALOGUE,
    ALERTS,
    DEAD_LETTER,
    CHECKPOINTS,
)
"""Every topic; :meth:`voxcart.bus.Bus.ensure_topics` creates them."""

RETURN_TOPICS = (TRANSCRIPTS, UNDERSTANDING, REPLIES, SPEECH)
"""What a gateway reads back for its live sessions."""

_BY_NAME = {topic.name: topic for topic in TOPICS}


def topic_named(name: str) -> Topic:
    """The topic with this name on the broker.

    Raises:
        KeyError: There is no such topic.
    """
    return _BY_NAME[name]


def partition_for(key: str | bytes, num_partitions: int = DEFAULT_PARTITIONS) -> int:
    """The partition that Kafka's default partitioner gives to ``key``: positive murmur2 modulo ``num_partitions``."""
    data = key.encode() if isinstance(key, str) else key
    return (_murmur2(data) & 0x7FFFFFFF) % num_partitions


def _murmur2(data: bytes) -> int:
    """MurmurHash2, 32 bit, with Kafka's seed (Appleby 2008; ``org.apache.kafka.common.utils.Utils.murmur2``)."""
    mask = 0xFFFFFFFF
    m = 0x5BD1E995
    length = len(data)
    h = 0x9747B28C ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little")
        k = (k * m) & mask
        k ^= k >> 24
        k = (k * m) & mask
        h = ((h * m) & mask) ^ k
    tail = data[whole:]
    if tail:
        h ^= int.from_bytes(tail, "little")
        h = (h * m) & mask
    h ^= h >> 13
    h = (h * m) & mask
    return h ^ (h >> 15)
