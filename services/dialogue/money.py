"""Amounts and numbers as they are written in replies; speech normalisation reads them out."""

from voxcart_api.common.v1 import common_pb2
from voxcart_services.dialogue.slots import CENTS_PER_YUAN


def amount_text(cents: int, language: str) -> str:
    """39元, 15.8元, 负3元; 39 yuan in English."""
    sign = ("负" if language == "zh" else "minus ") if cents < 0 else ""
    whole, rest = divmod(abs(cents), CENTS_PER_YUAN)
    number = f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)
    return f"{sign}{number}元" if language == "zh" else f"{sign}{number} yuan"


def money_text(money: common_pb2.Money, language: str) -> str:
    """:func:`amount_text` of a Money."""
    return amount_text(money.cents, language)


def number_text(value: float) -> str:
    """Up to two decimals, none for whole numbers."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
