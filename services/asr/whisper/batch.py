"""Running the decoder for many utterances at a time, each at a step of its own.

An utterance is a generator that asks for decoder runs and is sent what they give. Utterances that follow equally many
hypotheses share the runs of a cohort; they join and leave it at any step. Their caches lie side by side, columns that
are not an utterance's own are masked, so that it gets what it would get alone.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from voxcart_services.asr.whisper.model import AudioCache, DecoderInput, TokenCache, WhisperModel
from voxcart_services.asr.whisper.search import Move


@dataclass(frozen=True)
class Begin:
    """Feed the first tokens of a text; gives float32 logits `[wanted, vocabulary]`."""

    tokens: Sequence[int]
    wanted: Sequence[int]


@dataclass(frozen=True)
class Step:
    """Feed one more token of each hypothesis; gives float32 logits `[hypotheses, vocabulary]`.

    Attributes:
        move: Tokens, and the hypotheses of the step before that they belong to.
        kept: Start again after so many tokens of the latest `Begin`; `None` goes on from the step before.
    """

    move: Move
    kept: int | None = None


@dataclass(frozen=True)
class Align:
    """Read a whole text; gives the cross-attention of the alignment heads, `[heads, tokens, positions]`."""

    tokens: Sequence[int]


Request = Begin | Step | Align
Transcribing = Generator[Request, np.ndarray, None]
"""Asks for runs until its text is found."""


@dataclass(eq=False)
class Member:
    """An utterance that is being decoded.

    Attributes:
        audio: Its encoded audio, one utterance.
        work: What asks for the runs.
        error: Why it ended early.
    """

    audio: AudioCache
    work: Transcribing
    error: Exception | None = None
    _request: Request | None = None
    _begun: TokenCache | None = None
    _position: int = 0
    _rows: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def start(self) -> None:
        """Runs to the first request."""
        self._resume(None)

    def send(self, answer: np.ndarray) -> None:
        """Gives what was asked for and takes the next request."""
        self._resume(answer)

    def fail(self, error: Exception) -> None:
        """Ends it early."""
        self.error, self._request = error, None
        self.work.close()

    @property
    def is_over(self) -> bool:
        """Whether it asks for nothing more."""
        return self._request is None

    def _resume(self, answer: np.ndarray | None) -> None:
        try:
            self._request = self.work.send(answer)  # type: ignore[arg-type]
        except StopIteration:
            self._request = None
        except Exception as error:
            self.fail(error)


class _Cohort:
    """Utterances that follow equally many hypotheses and step together."""

    def __init__(self, model: WhisperModel, width: int) -> None:
        self._model = model
        self._width = width
        self._members: list[Member | None] = []
        self._audio: AudioCache | None = None
        self._past: TokenCache | None = None

    @property
    def members(self) -> list[Member]:
        return [member for member in self._members if member is not None]

    def leave(self, member: Member) -> None:
        """Its rows stay, unused, until they are half of all."""
        self._members = [None if other is member else other for other in self._members]
        if not self.members:
            self._members, self._audio, self._past = [], None, None
        elif 2 * len(self.members) <= len(self._members):
            self._arrange(None)

    def join(self, member: Member, begun: TokenCache) -> None:
        """Adds an utterance whose cache so far is the one row of `begun`."""
        if self._audio is None:
            self._members, self._audio, self._past = [member], member.audio, begun
            member._rows = np.zeros(self._width, dtype=np.int64)
        else:
            self._arrange((member, begun))

    def step(self) -> None:
        """One decoder run for everybody."""
        if self._audio is None or self._past is None:
            return
        count, width = len(self._members), self._width
        tokens, positions = np.zeros((count, width), dtype=np.int64), np.zeros((count, width), dtype=np.int64)
        parents = np.zeros((count, width), dtype=np.int64)
        live: list[int] = []
        for index, member in enumerate(self._members):
            if member is not None and isinstance(member._request, Step):
                live.append(index)
                tokens[index] = member._request.move.tokens
                parents[index] = member._rows[member._request.move.parents]
                positions[index] = member._position
        if not live:
            return
        wanted = (np.array(live)[:, None] * width + np.arange(width)).ravel()
        new = DecoderInput(tokens.reshape(-1, 1), positions.ravel(), parents.ravel(), wanted)
        output = self._model.decode(new, self._audio, self._past)
        self._past = output.past
        for place, index in enumerate(live):
            member = self._members[index]
            if member is not None:
                member._rows = index * width + np.arange(width)
                member._position += 1
                member.send(output.logits[place * width : (place + 1) * width])

    def _arrange(self, newcomer: tuple[Member, TokenCache] | None) -> None:
        """Drops unused rows, and puts a newcomer's beside the others."""
        if self._audio is None or self._past is None:
            raise RuntimeError("an empty cohort has nothing to arrange")
        live = [index for index, member in enumerate(self._members) if member is not None]
        staying = self.members
        rows = np.concatenate([member._rows for member in staying]).tolist()
        if newcomer is None:
            self._audio = self._model.pick_audio(self._audio, live)
            self._past = self._model.join_tokens(self._past, rows, self._past, [])
        else:
            member, begun = newcomer
            self._audio = self._model.join_audio(self._audio, live, member.audio)
            self._past = self._model.join_tokens(self._past, rows, begun, [0] * self._width)
            staying = [*staying, member]
        self._members = list(staying)
        for index, member in enumerate(staying):
            member._rows = index * self._width + np.arange(self._width)


class DecodeBatch:
    """The utterances that are being decoded now. Used by one thread."""

    def __init__(self, model: WhisperModel) -> None:
        self._model = model
        self._cohorts: dict[int, _Cohort] = {}
        self._members: list[Member] = []

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members)

    def add(self, member: Member) -> None:
        """Takes an utterance in; it takes part from the next `advance` on."""
        self._members.append(member)
        member.start()

    def remove(self, member: Member) -> None:
        """Drops an utterance."""
        member.work.close()
        self._leave(member)
        self._members.remove(member)

    def advance(self) -> list[Member]:
        """Answers one request of every utterance and returns those that are over."""
        for member in self._members:
            self._answer_alone(member)
        for member in self._members:
            if isinstance(member._request, Step) and member._request.kept is not None:
                self._move(member, member._request)
        for cohort in list(self._cohorts.values()):
            self._step(cohort)
        over = [member for member in self._members if member.is_over]
        for member in over:
            self._leave(member)
            self._members.remove(member)
        return over

    def _answer_alone(self, member: Member) -> None:
        """Whole texts are fed at once, one utterance at a time."""
        while isinstance(member._request, Begin | Align):
            request = member._request
            try:
                if isinstance(request, Align):
                    answer = self._model.align(request.tokens, member.audio)
                else:
                    answer = self._begin(member, request)
            except Exception as error:
                member.fail(error)
                return
            member.send(answer)

    def _begin(self, member: Member, request: Begin) -> np.ndarray:
        zero = np.zeros(1, dtype=np.int64)
        new = DecoderInput(np.array([request.tokens], dtype=np.int64), zero, zero, np.array(request.wanted))
        output = self._model.decode(new, member.audio)
        member._begun = output.past
        return output.logits

    def _move(self, member: Member, request: Step) -> None:
        """Puts an utterance, after so many of its first tokens, into the cohort of its width."""
        if member._begun is None or request.kept is None:
            raise RuntimeError("an utterance began no text")
        self._leave(member)
        allowed = np.arange(member._begun.allowed.shape[1])[None] < request.kept
        member._position = request.kept
        width = len(request.move.tokens)
        cohort = self._cohorts.setdefault(width, _Cohort(self._model, width))
        cohort.join(member, TokenCache(member._begun.values, allowed))

    def _step(self, cohort: _Cohort) -> None:
        try:
            cohort.step()
        except Exception as error:
            for member in cohort.members:
                member.fail(error)

    def _leave(self, member: Member) -> None:
        for cohort in self._cohorts.values():
            if member in cohort.members:
                cohort.leave(member)
