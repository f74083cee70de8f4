"""Answers from the shop's own documents: each document has the questions it answers, in both languages.

A question is compared with these by meaning and by shared words, rare ones counting more. 换货要多久 is near 发货要多久
in both, but 换货 is what one document alone is about, so a word that comes again and again in one document and in few
others speaks for it.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pgvector.sqlalchemy import Vector
from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.models import FaqAnswer
from voxcart_services.shop.schema import EMBEDDING_SIZE
from voxcart_services.shop.text import compact, index_terms, normalize

SHOWN = 3
LEAST_SCORE = 0.66
"""Least score of a document that is shown. Small talk (你好, 讲个笑话) and questions on other matters stay below."""
LEAST_COVERAGE = 0.6
"""Least share of common words, where questions are compared by words only."""
_QUESTION_TEXT = """
多少 多久 多长 怎么 么样 什么 时候 哪里 哪些 几点 几天 可以 能不 不能 是不 有没
how what when where which why can do does
"""
_QUESTION_WORDS = frozenset(_QUESTION_TEXT.split())
"""Words of questions, which say nothing of what is asked about."""
TOPIC_WEIGHT = 0.12
"""What it adds to a document's score that the query has a word which this document alone is about."""

_QUESTIONS = (
    "SELECT q.faq_id, q.question, q.terms, d.title_zh, d.title_en, d.answer_zh, d.answer_en, "
    "{similarity} AS similarity "
    "FROM faq_questions q JOIN faq_documents d USING (tenant, faq_id) WHERE q.tenant = :tenant"
)
_NEAR = text(_QUESTIONS.format(similarity="1 - (q.embedding <=> :vector)")).bindparams(
    bindparam("vector", type_=Vector(EMBEDDING_SIZE))
)
_WORDS = text(_QUESTIONS.format(similarity="NULL"))


async def search_faq(
    conn: AsyncConnection, tenant: str, embedder: Embedder | None, query: str, language: str
) -> list[FaqAnswer]:
    """Documents that answer a question, best first, at most three; empty if none does.

    Args:
        embedder: Without one, questions are compared by their words only.
        language: ``zh`` or ``en``: of title and answer.
    """
    words = normalize(query)
    if not compact(words):
        return []
    values: dict[str, Any] = {"tenant": tenant}
    if embedder is not None:
        values["vector"] = await embedder.query(words)
    rows = list(await conn.execute(_NEAR if embedder is not None else _WORDS, values))
    best: dict[str, tuple[float, Any]] = {}
    terms = set(index_terms(words))
    vocabulary = _Vocabulary(rows)
    for row in rows:
        score = _score(row, words, terms, vocabulary)
        if score > best.get(row.faq_id, (0.0, None))[0]:
            best[row.faq_id] = (score, row)
    ranked = sorted(best.values(), key=lambda pair: (-pair[0], pair[1].faq_id))[:SHOWN]
    return [_answer(row, score, language) for score, row in ranked]


class _Vocabulary:
    """In how many of a document's questions a word stands, and in how many documents."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._questions = Counter((row.faq_id, term) for row in rows for term in row.terms)
        self._documents = Counter(term for _, term in self._questions)
        self._size = len({row.faq_id for row in rows})

    def weight(self, terms: set[str]) -> float:
        """How much terms say: those of few documents more (inverse document frequency)."""
        return sum(math.log(1 + self._size / max(1, self._documents[term])) for term in terms)

    def topic(self, faq_id: str, terms: set[str]) -> float:
        """Whether a document is about any of the terms: in several of its questions, and in few other documents."""
        about = (term for term in terms - _QUESTION_WORDS if self._questions[faq_id, term] >= 2)
        return max((1 / self._documents[term] for term in about), default=0.0)


def _score(row: Any, words: str, terms: set[str], vocabulary: _Vocabulary) -> float:
    """1 for the same question, else by meaning and words; 0 if it is about something else."""
    if compact(row.question) == compact(words):
        return 1.0
    asked = set(row.terms)
    both = vocabulary.weight(terms) + vocabulary.weight(asked)
    coverage = 2 * vocabulary.weight(terms & asked) / both if both else 0.0
    topic = TOPIC_WEIGHT * vocabulary.topic(row.faq_id, terms)
    if row.similarity is None:
        return min(0.9, 0.9 * coverage + topic) if coverage >= LEAST_COVERAGE else 0.0
    score = 0.3 * coverage + 0.7 * row.similarity
    return min(0.99, score + topic) if score >= LEAST_SCORE else 0.0


def _answer(row: Any, score: float, language: str) -> FaqAnswer:
    if language == "en":
        return FaqAnswer(row.faq_id, row.title_en, row.answer_en, score)
    return FaqAnswer(row.faq_id, row.title_zh, row.answer_zh, score)
