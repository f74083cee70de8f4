"""Estimates a back-off n-gram model: interpolated absolute discounting, then relative-entropy pruning.

Smoothing with three discounts an order, from the counts of counts, as in the modified Kneser-Ney smoothing of
S. F. Chen and J. Goodman, "An empirical study of smoothing techniques for language modeling", 1999, but over the plain
counts in all orders: Kneser-Ney's lower orders are made for what the higher ones do not hold, and become wrong once
these are pruned (C. Chelba et al., "Study on interaction between entropy pruning and Kneser-Ney smoothing", Interspeech
2010). Pruning as in A. Stolcke, "Entropy-based pruning of backoff language models", 1998, with the change that an
n-gram is weighed by its own contribution alone. N-grams are strings, one token a character.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from voxcart_services.asr.text.tokens import BEGIN


@dataclass
class BackoffModel:
    """`logprobs[n-gram]` is log P(last | the ones before), `backoffs[context]` the log weight of shorter contexts.

    Attributes:
        order: Tokens in the longest n-gram.
        logprobs: Natural logarithms; holds every unigram.
        backoffs: Natural logarithms; 0 where a context is missing.
    """

    order: int
    logprobs: dict[str, float]
    backoffs: dict[str, float]

    def logprob(self, context: str, token: str) -> float:
        """log P(token | context); of a token never seen that of the rarest unigram."""
        context = context[-(self.order - 1) :]
        backoff = 0.0
        while True:
            found = self.logprobs.get(context + token)
            if found is not None:
                return backoff + found
            if not context:
                return backoff + min(value for gram, value in self.logprobs.items() if len(gram) == 1)
            backoff += self.backoffs.get(context, 0.0)
            context = context[1:]


def estimate(sentences: Mapping[str, int], order: int, progress: Callable[[str], None]) -> BackoffModel:
    """The smoothed model of counted sentences.

    Args:
        sentences: Token strings and how often each counts.
        order: Tokens in the longest n-gram, at least 2.
        progress: Told what is done.
    """
    counts = [_counts(sentences, size) for size in range(1, order + 1)]
    progress(f"counted {sum(map(len, counts)):,} n-grams of {len(sentences):,} sentences")
    counts[0].pop(BEGIN, None)
    model = BackoffModel(order, {}, {})
    uniform = 1.0 / len(counts[0])
    for size, counted in enumerate(counts, 1):
        _estimate_order(model, counted, size, uniform)
        progress(f"order {size}: {len(counted):,} n-grams")
    model.logprobs[BEGIN] = math.log(uniform) - 5.0  # never predicted; it stands for the context alone
    return model


def _counts(sentences: Mapping[str, int], size: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for sentence, count in sentences.items():
        for start in range(len(sentence) - size + 1):
            counts[sentence[start : start + size]] += count
    return counts


def _discounts(counts: Mapping[str, int]) -> tuple[float, float, float]:
    of = Counter(count for count in counts.values() if count <= 4)
    if not all(of[number] for number in (1, 2, 3, 4)):
        return 0.5, 0.75, 0.9
    share = of[1] / (of[1] + 2 * of[2])
    raw = [number - (number + 1) * share * of[number + 1] / of[number] for number in (1, 2, 3)]
    low, middle, high = (min(max(value, 0.1), number - 0.05) for number, value in enumerate(raw, 1))
    return low, middle, high


def _estimate_order(model: BackoffModel, counts: Mapping[str, int], size: int, uniform: float) -> None:
    discounts = (0.0, *_discounts(counts))
    totals: defaultdict[str, float] = defaultdict(float)
    saved: defaultdict[str, float] = defaultdict(float)
    for gram, count in counts.items():
        totals[gram[:-1]] += count
        saved[gram[:-1]] += discounts[min(count, 3)]
    for gram, count in counts.items():
        context = gram[:-1]
        lower = math.exp(model.logprobs[gram[1:]]) if size > 1 else uniform
        weight = saved[context] / totals[context]
        probability = (count - discounts[min(count, 3)]) / totals[context] + weight * lower
        model.logprobs[gram] = math.log(probability)
    if size > 1:
        model.backoffs.update({context: math.log(saved[context] / total) for context, total in totals.items()})


def prune(model: BackoffModel, threshold: float, progress: Callable[[str], None]) -> BackoffModel:
    """The model without n-grams that hardly change it, its back-off weights made right again.

    Args:
        threshold: The least relative entropy, in nats, for which an n-gram is kept. What a longer kept n-gram begins
            or ends with is kept too.
        progress: Told what is done.
    """
    kept = {gram for gram in model.logprobs if len(gram) == 1}
    needed: set[str] = set()
    for size in range(model.order, 1, -1):
        for gram in [gram for gram in model.logprobs if len(gram) == size]:
            if gram in needed or _loss(model, gram) > threshold:
                kept.add(gram)
                needed.update((gram[:-1], gram[1:]))
    progress(f"pruned to {len(kept):,} n-grams")
    pruned = BackoffModel(model.order, {gram: model.logprobs[gram] for gram in kept}, {})
    pruned.backoffs = _backoffs(pruned)
    return pruned


def _loss(model: BackoffModel, gram: str) -> float:
    """How much the sentences lose, in nats a token, when an n-gram is left to its back-off."""
    context = gram[:-1]
    logprob = model.logprobs[gram]
    without = model.backoffs.get(context, 0.0) + model.logprob(context[1:], gram[-1])
    joint = 0.0 if context[0] == BEGIN else model.logprobs.get(context[0], -20.0)
    for end in range(2, len(context) + 1):
        joint += model.logprob(context[: end - 1], context[end - 1])
    return math.exp(joint + logprob) * (logprob - without)


def _backoffs(model: BackoffModel) -> dict[str, float]:
    """Weights with which the probabilities after every context sum up to 1."""
    own: defaultdict[str, float] = defaultdict(float)
    shorter: defaultdict[str, float] = defaultdict(float)
    backoffs: dict[str, float] = {}
    for size in range(2, model.order + 1):
        contexts = set()
        for gram, logprob in model.logprobs.items():
            if len(gram) == size:
                contexts.add(gram[:-1])
                own[gram[:-1]] += math.exp(logprob)
                shorter[gram[:-1]] += math.exp(model.logprobs[gram[1:]])
        for context in contexts:
            left, right = max(1.0 - own[context], 1e-6), max(1.0 - shorter[context], 1e-6)
            backoffs[context] = math.log(left / right)
    return backoffs
