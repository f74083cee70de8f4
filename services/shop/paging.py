"""Page tokens: where the next page of a list begins.

A token holds the sort key of the last item that was given (keyset paging), so that items that are added or removed
meanwhile are neither shown twice nor passed over, and every page costs the same. It is bound to its list, tenant, user
and filters by a digest, and is refused for any other. The digest is no signature: whoever makes up a token reaches no
row that the list would not give them anyway.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from google.protobuf.message import Message

from voxcart.errors import InvalidInput
from voxcart_services.shop.models import Page

MAX_TOKEN_LENGTH = 1024
MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 10

_DIGEST_BYTES = 12
_NOT_FILTERS = ("page_size", "page_token", "read_mask")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page that is asked for.

    Attributes:
        size: Items on it, 1 to 100.
        after: Sort key of the last item before it; ``None`` for the first page.
        binding: What the tokens of this list are bound to.
    """

    size: int
    after: tuple[Any, ...] | None = None
    binding: bytes = b""

    @classmethod
    def of(cls, request: Any, keys: Sequence[type]) -> Self:
        """The page that a request asks for by its ``page_size`` and ``page_token``.

        Args:
            keys: Types of the parts of the list's sort key: ``str``, ``int``, ``float``, or ``datetime``, which becomes
                text in the ISO form.

        Raises:
            InvalidInput: The size is not 0 to 100 (0 means 10), or the token is not one of this list.
        """
        if not 0 <= request.page_size <= MAX_PAGE_SIZE:
            raise InvalidInput(f"page_size must be 0 to {MAX_PAGE_SIZE}", field="page_size")
        binding = binding_of(request)
        after = read_token(request.page_token, binding, keys) if request.page_token else None
        return cls(request.page_size or DEFAULT_PAGE_SIZE, after, binding)

    def token(self, last: Sequence[Any]) -> str:
        """The token of the page after an item with this sort key; times are written as text."""
        return make_token(self.binding, [part.isoformat() if isinstance(part, datetime) else part for part in last])

    def of_rows(self, items: Sequence[Any], total: int, key: Callable[[Any], Sequence[Any]]) -> Page:
        """The page, from what was found after :attr:`after`: one item more than its size if there is another page.

        Args:
            key: Gives the sort key of an item.
        """
        shown = tuple(items[: self.size])
        return Page(shown, total, next_token=self.token(key(shown[-1])) if len(items) > self.size else "")


def binding_of(request: Message) -> bytes:
    """What a list is of: the call, tenant, user and filters, without the page."""
    plain = type(request)()
    plain.CopyFrom(request)
    for name in _NOT_FILTERS:
        if name in plain.DESCRIPTOR.fields_by_name:
            plain.ClearField(name)
    name = plain.DESCRIPTOR.full_name.encode()
    return hashlib.sha256(name + b"\0" + plain.SerializeToString(deterministic=True)).digest()


def make_token(binding: bytes, key: Sequence[Any]) -> str:
    """A token for what comes after a sort key."""
    text = json.dumps(list(key), ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_digest(binding, text) + text).rstrip(b"=").decode()


def read_token(token: str, binding: bytes, keys: Sequence[type]) -> tuple[Any, ...]:
    """The sort key in a token.

    Raises:
        InvalidInput: Not a token of this list.
    """
    refusal = InvalidInput("page_token is not one of this list", field="page_token")
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise refusal
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise refusal from None
    digest, text = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    if digest != _digest(binding, text):
        raise refusal
    try:
        key = json.loads(text)
    except (ValueError, RecursionError):
        raise refusal from None
    if not isinstance(key, list) or len(key) != len(keys):
        raise refusal
    if not all(_is_of(part, kind) for part, kind in zip(key, keys, strict=True)):
        raise refusal
    return tuple(key)


def _is_of(part: Any, kind: type) -> bool:
    if kind is int:
        return type(part) is int and abs(part) < 2**62
    if kind is not datetime:
        return type(part) is kind
    try:
        return datetime.fromisoformat(part).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _digest(binding: bytes, text: bytes) -> bytes:
    return hashlib.sha256(binding + text).digest()[:_DIGEST_BYTES]
