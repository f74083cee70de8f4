"""What the shop's parts hand to each other: plain values without gRPC or SQL. Money is integer cents."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from voxcart.errors import InvalidInput, NotAllowed
from voxcart.tenants import tenant_or_default

MAX_ID_LENGTH = 128


class Role(StrEnum):
    """Who may do what."""

    SHOPPER = "shopper"
    MERCHANT = "merchant"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, in which shop. An empty tenant means the default shop."""

    tenant: str
    user_id: str
    role: Role

    @classmethod
    def checked(cls, tenant: str, user_id: str, role: Role) -> "Actor":
        """Checks the names.

        Raises:
            InvalidInput: Too long, or with control characters.
        """
        checked_id(tenant, "actor.tenant")
        checked_id(user_id, "actor.user_id")
        return cls(tenant_or_default(tenant), user_id, role)

    def need_user(self) -> None:
        """Raises ``InvalidInput`` for a guest without id."""
        if not self.user_id:
            raise InvalidInput("user_id is required", field="actor.user_id")

    def need_merchant(self) -> None:
        """Raises ``NotAllowed`` for a shopper."""
        self.need_user()
        if self.role is not Role.MERCHANT:
            raise NotAllowed("only the merchant may do this")


def checked_id(value: str, name: str) -> str:
    """The id, if it can be one.

    Raises:
        InvalidInput: Over 128 characters, or with control characters.
    """
    if len(value) > MAX_ID_LENGTH:
        raise InvalidInput(f"{name} is longer than {MAX_ID_LENGTH} characters", field=name)
    if not value.isprintable():
        raise InvalidInput(f"{name} has control characters", field=name)
    return value


def checked_text(value: str, name: str, longest: int, *, required: bool = True) -> str:
    """The text without surrounding blanks.

    Raises:
        InvalidInput: Too long, empty although required, or with control characters.
    """
    stripped = value.strip()
    if required and not stripped:
        raise InvalidInput(f"{name} is required", field=name)
    if len(stripped) > longest:
        raise InvalidInput(f"{name} is longer than {longest} characters", field=name)
    if not stripped.isprintable():
        raise InvalidInput(f"{name} has control characters", field=name)
    return stripped


@dataclass(frozen=True, slots=True)
class Variant:
    """One choice of colour and size; ``variant_id`` is empty if the product has no choice."""

    variant_id: str
    color: str
    color_code: str
    size: str
    stock: int


@dataclass(frozen=True, slots=True)
class Product:
    """A product as shoppers see it."""

    sku: str
    name_zh: str
    name_en: str
    brand_zh: str
    brand_en: str
    department: str
    category: str
    kind: str
    unit_zh: str
    unit_en: str
    price_cents: int
    rating: float | None
    units_sold: int
    aliases: tuple[str, ...]
    attributes: tuple[dict[str, str], ...]
    description_zh: str
    description_en: str
    delisted: bool
    version: int
    variants: tuple[Variant, ...]

    @property
    def stock(self) -> int:
        """Available units over all variants."""
        return sum(variant.stock for variant in self.variants)


@dataclass(frozen=True, slots=True)
class CartLine:
    """A product in the cart at its price now."""

    line_id: str
    product: Product
    variant_id: str
    quantity: int

    @property
    def total_cents(self) -> int:
        """Price times quantity."""
        return self.product.price_cents * self.quantity

    @property
    def variant(self) -> Variant | None:
        """The chosen variant, ``None`` if it is gone."""
        return next((v for v in self.product.variants if v.variant_id == self.variant_id), None)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to deliver."""

    address_id: str
    label: str
    recipient: str
    phone: str
    text: str
    is_default: bool

    def as_json(self) -> dict[str, Any]:
        """The form that is kept with an order."""
        return {
            "address_id": self.address_id,
            "label": self.label,
            "recipient": self.recipient,
            "phone": self.phone,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class OrderLine:
    """What was bought, at the price of that moment."""

    sku: str
    variant_id: str
    name_zh: str
    name_en: str
    color: str
    size: str
    quantity: int
    unit_price_cents: int
    line_no: int = 0
    discount_cents: int = 0
    taken_out: int = 0
    refunded_quantity: int = 0

    @property
    def paid_cents(self) -> int:
        """What the whole line costs after its share of the discount."""
        return self.quantity * self.unit_price_cents - self.discount_cents


@dataclass(frozen=True, slots=True)
class Shipment:
    """Where the parcel is."""

    carrier: str
    tracking_no: str
    shipped_at: datetime
    expected_at: datetime | None
    last_event: str
    status: str = "in_transit"
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundLine:
    """Units of one line of an order whose money goes back."""

    line_no: int
    quantity: int
    amount_cents: int


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund of an order or of part of it, or an exchange. No lines: an amount alone."""

    refund_id: str
    order_id: str
    status: str
    amount_cents: int
    reason: str
    decision_reason: str
    created_at: datetime
    exchange: bool = False
    lines: tuple[RefundLine, ...] = ()
    return_id: str = ""


@dataclass(frozen=True, slots=True)
class Return:
    """Goods on their way back to the shop."""

    return_id: str
    order_id: str
    refund_id: str
    status: str
    carrier: str
    tracking_no: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Payment:
    """How an order is paid: the latest attempt."""

    status: str
    method: str
    captured_cents: int
    refunded_cents: int
    decline_reason: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order with all that belongs to it."""

    order_id: str
    user_id: str
    status: str
    total_cents: int
    payment_method: str
    address: dict[str, Any]
    created_at: datetime
    lines: tuple[OrderLine, ...]
    shipment: Shipment | None = None
    refunds: tuple[Refund, ...] = ()
    discount_cents: int = 0
    coupon_code: str = ""
    cancel_reason: str = ""
    expires_at: datetime | None = None
    payment: Payment | None = None
    returns: tuple[Return, ...] = ()

    @property
    def refund(self) -> Refund | None:
        """The newest refund."""
        return self.refunds[0] if self.refunds else None


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list.

    Attributes:
        total: Items of the whole list.
        next_token: Where the next page begins; empty on the last.
        next_offset: The same for a list that is made anew for every page (search); ``None`` on the last.
    """

    items: tuple[Any, ...]
    total: int
    next_offset: int | None = None
    next_token: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class FaqAnswer:
    """A document that answers a question."""

    faq_id: str
    title: str
    answer: str
    score: float


@dataclass(frozen=True, slots=True)
class SearchFilters:
    """What a product must meet. Empty fields ask nothing."""

    price_min_cents: int | None = None
    price_max_cents: int | None = None
    brands: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    excluded_brands: tuple[str, ...] = ()
    excluded_colors: tuple[str, ...] = ()
    in_stock_only: bool = False


class SearchMode(StrEnum):
    """What search goes by. ``WORDS`` and ``MEANING`` are there to measure what each part finds alone."""

    HYBRID = "hybrid"
    WORDS = "words"
    MEANING = "meaning"


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A search: free text, filters, order and page, and what to tell besides the hits.

    Attributes:
        facets: Names of facets to count.
        explain: Tell how the words were read.
    """

    text: str
    filters: SearchFilters = field(default_factory=SearchFilters)
    sort_by: str = "relevance"
    page_size: int = 10
    offset: int = 0
    mode: SearchMode = SearchMode.HYBRID
    facets: tuple[str, ...] = ()
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A product that was found; ``score`` 0..1.

    Attributes:
        name_match: The query is a name of it.
        coverage: Share of the query's words that it has.
        similarity: Cosine of query and product; ``None`` if meaning was not looked at.
    """

    product: Product
    score: float
    name_match: bool
    coverage: float = 0.0
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value that products have; ranges of prices have their limits, in cents, both within."""

    value: str
    label_en: str
    products: int
    price_min_cents: int | None = None
    price_max_cents: int | None = None


@dataclass(frozen=True, slots=True)
class Facet:
    """How the products that were found divide by brand, category, kind, colour or price."""

    name: str
    values: tuple[FacetValue, ...]


@dataclass(frozen=True, slots=True)
class SearchExplanation:
    """How a query was read.

    Attributes:
        route: ``filter`` (no words), ``lexicon`` (goods or a brand are named) or ``near`` (words and meaning).
        text: The words as they were searched for.
        named: What they name: ``kind phone``, ``brand 华为``.
        residual: Text that is left over and ranks.
        terms: Index terms of the text.
    """

    route: str
    text: str
    named: tuple[str, ...]
    residual: tuple[str, ...]
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SearchPage(Page):
    """Hits of a search."""

    facets: tuple[Facet, ...] = ()
    explanation: SearchExplanation | None = None
