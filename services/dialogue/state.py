"""What a session's dialogue remembers between utterances."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from voxcart_services.dialogue.slots import SlotValue

MAX_HISTORY_TURNS = 20


class ShownItem(BaseModel):
    """One product as it was shown, enough to be referred to."""

    sku: str
    name: str
    kind: str = ""
    price_cents: int = 0
    rating: float | None = None
    units_sold: int = 0
    color: str = ""
    size: str = ""
    words: list[str] = Field(default_factory=list)
    """What people may call it and choose it by, the fullest name first."""


class SearchFilters(BaseModel):
    """What is being looked for; refined from turn to turn. Prices in cents, ``sort_by`` by the schema's names."""

    query: str = ""
    brands: list[str] = Field(default_factory=list)
    colors: list[str] = Field(default_factory=list)
    sizes: list[str] = Field(default_factory=list)
    attributes: list[str] = Field(default_factory=list)
    excluded_brands: list[str] = Field(default_factory=list)
    excluded_colors: list[str] = Field(default_factory=list)
    price_min_cents: int | None = None
    price_max_cents: int | None = None
    sort_by: str = ""


class Pending(BaseModel):
    """What the dialogue waits for: a yes, or the value of a slot.

    Attributes:
        intent: Skill that asked and that goes on with the answer.
        slots: What was known when it asked.
        slot: Name of the slot asked for; empty for a confirmation.
        action: Name of the confirmed action; empty for a slot.
        parameters: Values of the action, as they were read back.
        options: Words that may be the answer, as spoken.
        question: The sentence that asks, to be said again after a side question.
    """

    kind: Literal["confirmation", "slot"]
    intent: str
    slots: list[SlotValue] = Field(default_factory=list)
    slot: str = ""
    action: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    options: list[str] = Field(default_factory=list)
    question: str = ""

    @property
    def awaiting(self) -> str:
        """The value of ``Reply.awaiting``."""
        return "confirmation" if self.kind == "confirmation" else self.slot


class UnsureEffect(BaseModel):
    """A change that was asked of the shop without an answer; asked again, it keeps its key and so happens once."""

    rpc: str
    request_base64: str
    """The request without its key."""
    key: str


class LastChange(BaseModel):
    """The change of the shop that this talk made last, so that it can be taken back."""

    action: str
    key: str
    """The utterance that made it: what the keys of its changes begin with."""


class HistoryTurn(BaseModel):
    """One exchange, for repeats and for the person who takes over."""

    utterance_id: str
    user_text: str
    intent: str
    reply: str


class Heard(BaseModel):
    """How much of a reply was heard before the person talked over it."""

    utterance_id: str
    heard_ms: int | None = None


class SessionState(BaseModel):
    """The state of one session. Times are not kept: every turn brings its own clock."""

    tenant: str = ""
    user_id: str = ""
    role: str = "shopper"
    language: str = "zh"
    shown: list[ShownItem] = Field(default_factory=list)
    shown_kind: Literal["", "products", "cart", "orders"] = ""
    spoken_count: int = 0
    """How many of ``shown`` were said aloud."""
    order_ids: list[str] = Field(default_factory=list)
    """Orders as they were last listed, newest first."""
    focus: ShownItem | None = None
    focus_chosen: bool = False
    """The person picked the focus; otherwise it is the first that was shown."""
    search: SearchFilters | None = None
    order_id: str = ""
    refund_id: str = ""
    cart_line_id: str = ""
    """The cart line that was changed last."""
    cart_words: list[str] = Field(default_factory=list)
    """What people may call the goods in the cart, as it was last seen."""
    pending: Pending | None = None
    last_intent: str = ""
    last_slots: list[SlotValue] = Field(default_factory=list)
    last_reply: str = ""
    last_speech: str = ""
    recommended: list[str] = Field(default_factory=list)
    history: list[HistoryTurn] = Field(default_factory=list)
    unsure: UnsureEffect | None = None
    last_change: LastChange | None = None
    heard: Heard | None = None

    @property
    def awaiting(self) -> str:
        """``none``, ``confirmation`` or the slot that is asked for."""
        return self.pending.awaiting if self.pending else "none"

    def belongs_to(self, tenant: str, user_id: str, role: str) -> bool:
        """Whether this state was made by the same person in the same role."""
        return (self.tenant, self.user_id, self.role) == (tenant, user_id, role)

    def remember_turn(self, turn: HistoryTurn) -> None:
        """Appends to the bounded history; the oldest turn goes."""
        self.history = [*self.history, turn][-MAX_HISTORY_TURNS:]
