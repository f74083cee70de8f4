"""Decoding one utterance: language, draft, greedy or beam search, second thoughts, word times.

A draft (what an earlier pass over the beginning of the same utterance gave) is fed together with the first tokens: its
tokens are kept as far as they are what greedy search gives, so the result is that of plain greedy search at a fraction
of the runs (blockwise verification: Stern, Shazeer, Uszkoreit, NeurIPS 2018). The language is guessed in the same way:
its token is fed with the others and the utterance is begun again when the model hears another one.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace

import numpy as np

from voxcart_services.asr.biasing import ContextGraph
from voxcart_services.asr.recognition import DecodeOptions, Word
from voxcart_services.asr.whisper.alignment import voiced_positions, word_times
from voxcart_services.asr.whisper.batch import Align, Begin, Request, Step, Transcribing
from voxcart_services.asr.whisper.features import SAMPLE_RATE_HZ
from voxcart_services.asr.whisper.model import SAMPLES_PER_POSITION, WhisperConfig
from voxcart_services.asr.whisper.search import BeamSearch, Found, GreedySearch, Search, SearchRules
from voxcart_services.asr.whisper.tokens import LANGUAGES, WhisperTokens

_CLEAR_LANGUAGE_RATIO = 2.0
_MIN_TOKENS = 16
_TOKENS_PER_SECOND = 14
_NUM_CONTROL = 3


@dataclass(frozen=True)
class Biasing:
    """Hot words as graphs: for greedy search, whose scores may be high as it is checked afterwards, and for beams."""

    gains: ContextGraph
    exact: ContextGraph


@dataclass(frozen=True)
class Task:
    """What is to be transcribed.

    Attributes:
        options: Of the stream.
        is_final: Whether words and alternatives are wanted, and a beam if greedy search is not sure.
        samples: float32 at 16 kHz, added silence not included.
        draft: Tokens expected at the beginning.
        language: Guess, used unless the options name one.
        bias: Hot words.
    """

    options: DecodeOptions
    is_final: bool
    samples: np.ndarray
    draft: tuple[int, ...] = ()
    language: str | None = None
    bias: Biasing | None = None


@dataclass(frozen=True)
class BeamRules:
    """When finals are searched with a beam although nobody asked for one.

    Attributes:
        width: Hypotheses followed.
        unsure_log_prob: Greedy results with a lower mean log probability of a token are searched again.
    """

    width: int = 5
    unsure_log_prob: float = -0.3


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

    def _search(self, prompt: str, bias: Biasing | None) -> Generator[Request, np.ndarray, list[Found]]:
        options, wants_final = self.task.options, self.task.is_final
        is_greedy = options.beam_size in (None, 1) or not wants_final
        opening = self._opening(prompt)
        rules = self._rules(len(opening))
        draft = self.task.draft[: rules.limit - 1] if is_greedy else ()
        logits, draft = yield from self._begin(opening, draft)
        kept = len(opening) + _NUM_CONTROL
        results: list[Found] = []
        if is_greedy:
            results = yield from self._search_greedily(rules, opening, logits, draft, bias)
        if wants_final and self._wants_beam(results):
            exact = replace(rules, bias=bias.exact if bias is not None else None)
            width = options.beam_size or self.beam.width
            search = BeamSearch(exact, width, options.num_alternatives)
            beam = yield from self._follow(search, logits[:1], kept)
            merged = self._merged(beam, results, exact.bias)
            chosen = results[:1] if len(results) > 1 else []  # with its hot words it is better than the text without
            results = [*chosen, *(text for text in merged if text.tokens not in {one.tokens for one in chosen})]
        return results

    def _begin(
        self, opening: list[int], draft: tuple[int, ...]
    ) -> Generator[Request, np.ndarray, tuple[np.ndarray, tuple[int, ...]]]:
        """Feeds the first tokens and the draft in the right language; gives the logits after them and the draft."""
        options = self.task.options
        language = options.language or self.task.language or options.preferred_language
        while True:
            fed = [*opening, *self._control(language), *draft]
            wanted = [len(opening) - 1, *range(len(opening) + _NUM_CONTROL - 1, len(fed))]
            logits = yield from self._ask(Begin(fed, wanted))
            self.no_speech_prob = float(_softmax(logits[0])[self.tokens.no_speech])
            heard = options.language or self._heard_language(logits[0])
            if heard == language:
                self.language = language
                return logits[1:], draft
            language, draft = heard, ()

    def _search_greedily(
        self,
        rules: SearchRules,
        opening: list[int],
        logits: np.ndarray,
        draft: tuple[int, ...],
        bias: Biasing | None,
    ) -> Generator[Request, np.ndarray, list[Found]]:
        """The greedy text, or with hot words the better one of two: with and without their gains.

        A greedy search cannot return from a hot word that began by chance, so the text with the gains must complete
        more hot words and be better by what they earn. It has the text without them as its draft, and costs one run if
        they agree.
        """
        kept = len(opening) + _NUM_CONTROL
        search = GreedySearch(rules)
        yield from self._verify(search, logits, draft, kept)
        (plain,) = search.results
        if bias is None or plain.is_loop:
            return [plain]
        if plain.tokens != draft:
            draft = plain.tokens[: rules.limit - 1]
            fed = [*opening, *self._control(self.language), *draft]
            logits = yield from self._ask(Begin(fed, range(kept - 1, len(fed))))
        search = GreedySearch(replace(rules, bias=bias.gains))
        yield from self._verify(search, logits, draft, kept)
        (biased,) = search.results
        if biased.is_loop or not _is_better(biased, plain, bias.gains):
            return [plain]
        return [biased, plain]

    def _verify(
        self, search: GreedySearch, logits: np.ndarray, draft: tuple[int, ...], kept: int
    ) -> Generator[Request, np.ndarray, None]:
        """Takes the draft as far as the search agrees with it, and goes on from there."""
        move = None
        for index, row in enumerate(logits):
            move = search.advance(row[None])
            if move is None or index >= len(draft) or draft[index] != search.tokens[-1]:
                kept += index
                break
        start: int | None = kept
        self.greedy = search.tokens
        while move is not None:
            logits = yield from self._ask(Step(move, start))
            move, start = search.advance(logits), None
            self.greedy = search.tokens

    def _follow(self, search: Search, logits: np.ndarray, kept: int) -> Generator[Request, np.ndarray, list[Found]]:
        start: int | None = kept
        move = search.advance(logits)
        while move is not None:
            logits = yield from self._ask(Step(move, start))
            move, start = search.advance(logits), None
        return search.results

    def _wants_beam(self, greedy: list[Found]) -> bool:
        options = self.task.options
        if options.beam_size is not None:
            return options.beam_size > 1
        is_unsure = len(greedy) == 1 and greedy[0].mean_log_prob < self.beam.unsure_log_prob
        return is_unsure or options.num_alternatives > len(greedy)

    @staticmethod
    def _merged(beam: list[Found], greedy: list[Found], bias: ContextGraph | None) -> list[Found]:
        """Texts of both, the best first: the beam may have lost what greedy search found."""
        known = {text.tokens for text in beam}
        others = [text for text in greedy if text.log_probs and text.tokens not in known]
        merged = [*beam, *(replace(text, rank=_earned(text, bias) / len(text.log_probs)) for text in others)]
        return sorted(merged, key=lambda text: -text.rank)

    def _opening(self, prompt: str) -> list[int]:
        if not prompt:
            return [self.tokens.start]
        room = self.config.num_text_positions // 2 - 1
        return [self.tokens.previous, *self.tokens.encode(" " + prompt.strip())[-room:], self.tokens.start]

    def _control(self, language: str) -> list[int]:
        return [self.tokens.language[language], self.tokens.transcribe, self.tokens.no_timestamps]

    def _rules(self, num_opening: int) -> SearchRules:
        suppressed, suppressed_first = suppressions(self.config, self.tokens)
        limit = _MIN_TOKENS + int(_TOKENS_PER_SECOND * len(self.task.samples) / SAMPLE_RATE_HZ)
        limit = min(limit, self.config.num_text_positions - num_opening - _NUM_CONTROL - 1)
        return SearchRules(self.tokens.end, suppressed, suppressed_first, limit)

    def _heard_language(self, logits: np.ndarray) -> str:
        """Between Mandarin and English, whatever others are likely; unclear cases go to the preferred language."""
        preferred = self.task.options.preferred_language
        probabilities = _softmax(logits[[self.tokens.language[name] for name in LANGUAGES]])
        best = LANGUAGES[int(probabilities.argmax())]
        other = float(probabilities[LANGUAGES.index(preferred)])
        return best if float(probabilities.max()) >= _CLEAR_LANGUAGE_RATIO * other else preferred

    def _time_words(self, best: Found) -> Generator[Request, np.ndarray, None]:
        read = [self.tokens.start, *self._control(self.language), *best.tokens]
        alignment = yield from self._ask(Align(read))
        positions = max(1, len(self.task.samples) // SAMPLES_PER_POSITION)
        alignment = alignment[:, len(read) - len(best.tokens) - 1 :, :positions]
        voiced = voiced_positions(self.task.samples, alignment.shape[2])
        self.words = word_times(self.tokens.pieces(best.tokens), best.log_probs, alignment, voiced)


def _is_better(biased: Found, plain: Found, graph: ContextGraph) -> bool:
    """Whether the text found with hot words completes more of them, and is better by what they earn."""
    completes_more = graph.path_score(biased.tokens) > graph.path_score(plain.tokens)
    return completes_more and _earned(biased, graph) > _earned(plain, graph)


def _earned(text: Found, bias: ContextGraph | None) -> float:
    """Log probability of a text with what its complete hot words earn."""
    return sum(text.log_probs) + (bias.path_score(text.tokens) if bias is not None else 0.0)


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
