"""Answers from the shop's own documents: each document has the questions it answers, in both languages."""

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
    rows = await conn.execute(_NEAR if embedder is not None else _WORDS, values)
    best: dict[str, tuple[float, Any]] = {}
    terms = set(index_terms(words))
    for row in rows:
        score = _score(row, words, terms)
        if score > best.get(row.faq_id, (0.0, None))[0]:
            best[row.faq_id] = (score, row)
    ranked = sorted(best.values(), key=lambda pair: (-pair[0], pair[1].faq_id))[:SHOWN]
    return [_answer(row, score, language) for score, row in ranked]


def _score(row: Any, words: str, terms: set[str]) -> float:
    """1 for the same question, else by meaning and words; 0 if it is about something else."""
    if compact(row.question) == compact(words):
        return 1.0
    shared = len(terms.intersection(row.terms))
    coverage = 2 * shared / (len(terms) + len(row.terms)) if terms and row.terms else 0.0
    if row.similarity is None:
        return 0.9 * coverage if coverage >= LEAST_COVERAGE else 0.0
    score = min(0.99, 0.3 * coverage + 0.7 * row.similarity)
    return score if score >= LEAST_SCORE else 0.0


def _answer(row: Any, score: float, language: str) -> FaqAnswer:
    if language == "en":
        return FaqAnswer(row.faq_id, row.title_en, row.answer_en, score)
    return FaqAnswer(row.faq_id, row.title_zh, row.answer_zh, score)
