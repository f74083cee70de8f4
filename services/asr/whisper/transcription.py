"""Decoding one utterance: language, draft, greedy or beam search, second thoughts, word times.

A draft (what an earlier pass over the beginning of the same utterance gave) is fed together with the first tokens: its
tokens are kept as far as they are what greedy search gives, so the result is that of plain greedy search at a fraction
of the runs (blockwise verification: Stern, Shazeer, Uszkoreit, NeurIPS 2018). The language is guessed in the same way:
its token is fed with the others and the utterance is begun again when the model hears another one.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np

from voxcart_services.asr.biasing import ContextGraph
from voxcart_services.asr.recognition import DecodeOptions, Word
from voxcart_services.asr.whisper.alignment import word_times
from voxcart_services.asr.whisper.batch import Align, Begin, Request, Step, Transcribing
from voxcart_services.asr.whisper.model import WhisperConfig
from voxcart_services.asr.whisper.search import BeamSearch, Found, GreedySearch, Search, SearchRules
from voxcart_services.asr.whisper.tokens import LANGUAGES, WhisperTokens

_CLEAR_LANGUAGE_RATIO = 2.0
_MIN_TOKENS = 16
_TOKENS_PER_SECOND = 14
_NUM_CONTROL = 3


@dataclass(frozen=True)
class Task:
    """What is to be transcribed.

    Attributes:
        options: Of the stream.
        is_final: Whether words and alternatives are wanted, and a beam if greedy search is not sure.
        duration_s: Of the audio, added silence not included.
        num_positions: Encoder positions of the audio, added silence not included.
        draft: Tokens expected at the beginning.
        language: Guess, used unless the options name one.
        bias: Hot words as a graph.
    """

    options: DecodeOptions
    is_final: bool
    duration_s: float
    num_positions: int
    draft: tuple[int, ...] = ()
    language: str | None = None
    bias: ContextGraph | None = None


@dataclass(frozen=True)
class BeamRules:
    """When finals are searched with a beam although nobody asked for one.

    Attributes:
        width: Hypotheses followed.
        unsure_log_prob: Greedy results with a lower mean log probability of a token are searched again.
    """

    width: int = 5
    unsure_log_prob: float = -0.25


@dataclass
class Transcription:
    """The state and result of one utterance's decoding.

    Attributes:
        found: The texts, the best first.
        greedy: Tokens of greedy search, as far as it got: the next draft.
        language: `zh` or `en`, as decoded.
        no_speech_prob: The model's probability that nothing is said.
        words: With times, if they were wanted.
        num_runs: Decoder runs.
    """

    config: WhisperConfig
    tokens: WhisperTokens
    task: Task
    beam: BeamRules
    found: list[Found] = field(default_factory=list)
    greedy: tuple[int, ...] = ()
    language: str = LANGUAGES[0]
    no_speech_prob: float = 0.0
    words: tuple[Word, ...] = ()
    num_runs: int = 0

    def run(self) -> Transcribing:
        """Asks for decoder runs until the text is found."""
        task, options = self.task, self.task.options
        prompt = options.prompt
        self.found = yield from self._search(prompt, task.bias)
        if self.found[0].is_loop and (prompt or task.bias is not None):
            prompt = ""
            self.found = yield from self._search(prompt, None)
        if task.is_final and options.word_times and self.found[0].tokens:
            yield from self._time_words(self.found[0])

    def _ask(self, request: Request) -> Generator[Request, np.ndarray, np.ndarray]:
        self.num_runs += 1
        return (yield request)

    def _search(self, prompt: str, bias: ContextGraph | None) -> Generator[Request, np.ndarray, list[Found]]:
        options = self.task.options
        opening = self._opening(prompt)
        rules = self._rules(len(opening), bias)
        logits, draft = yield from self._begin(opening)
        kept = len(opening) + _NUM_CONTROL
        width = options.beam_size or 1
        results: list[Found] = []
        if width == 1 or not self.task.is_final:
            results = yield from self._search_greedily(rules, logits, draft, kept)
        if self.task.is_final and self._wants_beam(results, bias):
            search = BeamSearch(rules, width if width > 1 else self.beam.width, options.num_alternatives)
            results = self._merged((yield from self._follow(search, logits[:1], kept)), results)
        return results

    def _begin(self, opening: list[int]) -> Generator[Request, np.ndarray, tuple[np.ndarray, tuple[int, ...]]]:
        """Feeds the first tokens and the draft in the right language; gives the logits after them and the draft."""
        options = self.task.options
        language = options.language or self.task.language or options.preferred_language
        draft = self.task.draft
        while True:
            control = [self.tokens.language[language], self.tokens.transcribe, self.tokens.no_timestamps]
            fed = [*opening, *control, *draft]
            wanted = [len(opening) - 1, *range(len(opening) + _NUM_CONTROL - 1, len(fed))]
            logits = yield from self._ask(Begin(fed, wanted))
            self.no_speech_prob = float(_softmax(logits[0])[self.tokens.no_speech])
            heard = options.language or self._heard_language(logits[0])
            if heard == language:
                self.language = language
                return logits[1:], draft
            language, draft = heard, ()

    def _search_greedily(
        self, rules: SearchRules, logits: np.ndarray, draft: tuple[int, ...], kept: int
    ) -> Generator[Request, np.ndarray, list[Found]]:
        """Takes the draft as far as greedy search agrees with it, and goes on from there."""
        search = GreedySearch(rules)
        move = None
        for index, row in enumerate(logits):
            move = search.advance(row[None])
            self.greedy = search.tokens
            if move is None or index >= len(draft) or draft[index] != search.tokens[-1]:
                kept += index
                break
        start: int | None = kept
        while move is not None:
            logits = yield from self._ask(Step(move, start))
            move, start = search.advance(logits), None
            self.greedy = search.tokens
        return search.results

    def _follow(self, search: Search, logits: np.ndarray, kept: int) -> Generator[Request, np.ndarray, list[Found]]:
        move, start = search.advance(logits), kept
        while move is not None:
            logits = yield from self._ask(Step(move, start))
            move, start = search.advance(logits), None  # type: ignore[assignment]
        return search.results

    def _wants_beam(self, greedy: list[Found], bias: ContextGraph | None) -> bool:
        options = self.task.options
        if options.beam_size is not None:
            return options.beam_size > 1
        if bias is not None or options.num_alternatives > 1:
            return True
        return greedy[0].mean_log_prob < self.beam.unsure_log_prob

    @staticmethod
    def _merged(beam: list[Found], greedy: list[Found]) -> list[Found]:
        """Texts of both, the best first: the beam may have lost what greedy search found."""
        known = {text.tokens for text in beam}
        return sorted([*beam, *(text for text in greedy if text.tokens not in known)], key=lambda text: -text.rank)

    def _opening(self, prompt: str) -> list[int]:
        if not prompt:
            return [self.tokens.start]
        room = self.config.num_text_positions // 2 - 1
        return [self.tokens.previous, *self.tokens.encode(" " + prompt.strip())[-room:], self.tokens.start]

    def _rules(self, num_opening: int, bias: ContextGraph | None) -> SearchRules:
        suppressed, suppressed_first = suppressions(self.config, self.tokens)
        limit = _MIN_TOKENS + int(_TOKENS_PER_SECOND * self.task.duration_s)
        limit = min(limit, self.config.num_text_positions - num_opening - _NUM_CONTROL - 1)
        return SearchRules(self.tokens.end, suppressed, suppressed_first, limit, bias)

    def _heard_language(self, logits: np.ndarray) -> str:
        """Between Mandarin and English, whatever others are likely; unclear cases go to the preferred language."""
        preferred = self.task.options.preferred_language
        probabilities = _softmax(logits[[self.tokens.language[name] for name in LANGUAGES]])
        best = LANGUAGES[int(probabilities.argmax())]
        other = float(probabilities[LANGUAGES.index(preferred)])
        return best if float(probabilities.max()) >= _CLEAR_LANGUAGE_RATIO * other else preferred

    def _time_words(self, best: Found) -> Generator[Request, np.ndarray, None]:
        control = [self.tokens.language[self.language], self.tokens.transcribe, self.tokens.no_timestamps]
        read = [self.tokens.start, *control, *best.tokens]
        alignment = yield from self._ask(Align(read))
        alignment = alignment[:, len(read) - len(best.tokens) - 1 :, : self.task.num_positions]
        self.words = word_times(self.tokens.pieces(best.tokens), best.log_probs, alignment)


def suppressions(config: WhisperConfig, tokens: WhisperTokens) -> tuple[np.ndarray, np.ndarray]:
    """What is added to the scores of any token and of the first one: -inf for what is not text."""
    always = np.zeros(config.vocabulary_size, dtype=np.float32)
    always[list(config.suppress_ids)] = -np.inf
    always[tokens.end + 1 :] = -np.inf
    first = always.copy()
    first[list(config.suppress_ids_begin)] = -np.inf
    return always, first


def _softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()
