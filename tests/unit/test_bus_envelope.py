"""Building envelopes and reading them back."""

import pytest

from voxcart.bus import Record, UndecodableMessage, decode, make_envelope
from voxcart_api.bus.v1.bus_pb2 import Envelope, SpeechChunk, Transcript
from voxcart_api.common.v1.common_pb2 import SessionContext, Understanding

pytestmark = pytest.mark.unit


def test_the_payload_type_chooses_the_field() -> None:
    session = SessionContext(session_id="s1")
    for payload, name in ((Transcript(), "transcript"), (Understanding(), "understanding"), (SpeechChunk(), "speech")):
        envelope = make_envelope(session, payload, event_id="s1/1/x", correlation_id="s1/1", causation_id="s1/1/final")
        assert envelope.WhichOneof("payload") == name
        assert envelope.session.session_id == "s1"
        assert envelope.occurred_at.seconds > 0


def test_what_is_no_payload_is_refused() -> None:
    with pytest.raises(ValueError, match="SessionContext"):
        make_envelope(None, SessionContext(), event_id="x")
    with pytest.raises(ValueError, match="event_id"):
        make_envelope(None, Transcript(), event_id="")


@pytest.mark.parametrize(
    "value",
    [None, b"", b"\xff\xff\xff", Envelope(event_id="x").SerializeToString(), Envelope().SerializeToString()],
    ids=["none", "empty", "garbage", "no payload", "no id"],
)
def test_what_is_no_envelope_is_refused_with_its_place(value: bytes | None) -> None:
    with pytest.raises(UndecodableMessage, match=r"t\[2\]@7"):
        decode(Record("t", 2, 7, b"s", value))


def test_a_key_that_is_not_text_is_refused() -> None:
    value = make_envelope(None, Transcript(), event_id="x").SerializeToString()
    with pytest.raises(UndecodableMessage):
        decode(Record("t", 0, 0, b"\xff\xfe", value))
