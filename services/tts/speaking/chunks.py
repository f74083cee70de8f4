"""What the synthesiser hands out, and what the cache keeps of a clause."""

from dataclasses import dataclass

from voxcart_services.tts.speaking.captions import WordTime


@dataclass(frozen=True)
class HeardWord:
    """A word for captions.

    Attributes:
        text: As written.
        start_ms: When it begins, since the start of the whole audio.
        end_ms: When it ends.
    """

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class ClauseSound:
    """The audio of a clause as the phrase cache keeps it.

    Attributes:
        pcm_s16le: Mono, 24 kHz, without the pause after it. Empty if nothing in the clause can be said.
        words: When its words are heard.
    """

    pcm_s16le: bytes
    words: tuple[WordTime, ...]


@dataclass(frozen=True)
class SpeechChunk:
    """At most 250 ms of speech.

    Attributes:
        clause: Counts the clauses of the text from 0.
        number: Counts the chunks of the clause from 0.
        pcm_s16le: Mono, 24 kHz. Empty only on the one chunk of a clause that has nothing to say, with no pause.
        clause_text: On the first chunk of a clause: the clause as written.
        words: On the first chunk of a clause: its words.
        is_last: The text ends here.
        source: ``cache`` when nothing had to be computed, else ``model``.
        queue_seconds: On the first chunk that a piece of work gave: how long it waited for the synthesis thread.
        compute_seconds: How long it took.
    """

    clause: int
    number: int
    pcm_s16le: bytes
    clause_text: str = ""
    words: tuple[HeardWord, ...] = ()
    is_last: bool = False
    source: str = "model"
    queue_seconds: float = 0.0
    compute_seconds: float = 0.0
