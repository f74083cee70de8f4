"""Puts the shop together: the same in the service, in tests and in an embedding program."""

from collections.abc import Callable
from dataclasses import dataclass, field

from voxcart_services.shop.calls import ShopParts
from voxcart_services.shop.charts import ChartMaker
from voxcart_services.shop.database import Database
from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.lexicon_store import LexiconStore
from voxcart_services.shop.merchant import Merchant
from voxcart_services.shop.orders import OrderRules
from voxcart_services.shop.payment_provider import PaymentProvider
from voxcart_services.shop.payments import ANSWER_SECONDS, Payments
from voxcart_services.shop.price_clock import PriceClock
from voxcart_services.shop.sandbox import SandboxProvider
from voxcart_services.shop.search import ProductSearch
from voxcart_services.shop.settlement import SWEEP_SECONDS, Settlement
from voxcart_services.shop.signatures import TOLERANCE_SECONDS, WebhookSecrets
from voxcart_services.shop.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Options:
    """How a shop is set up.

    Attributes:
        demo: Allow demonstration tenants.
        rules: How long reservations and quotes hold.
        webhook_secrets: What webhooks are signed with.
        webhook_tolerance_seconds: How old they may be.
        answer_seconds: How long a payment waits for a company that does not answer at once.
        sweep_seconds: How often what was left over is looked for.
    """

    demo: bool = False
    rules: OrderRules = field(default_factory=OrderRules)
    webhook_secrets: WebhookSecrets = field(default_factory=WebhookSecrets)
    webhook_tolerance_seconds: float = TOLERANCE_SECONDS
    answer_seconds: float = ANSWER_SECONDS
    sweep_seconds: float = SWEEP_SECONDS


def assemble(
    database: Database,
    embedder: Embedder | None,
    changed: Callable[[], None],
    options: Options,
    provider: PaymentProvider | None = None,
) -> ShopParts:
    """All parts on one database.

    Args:
        embedder: ``None`` searches by words only.
        changed: Called after each change; wakes the outbox publisher.
        provider: The payment company; the sandbox if there is none.
    """
    lexicons = LexiconStore()
    provider = provider or SandboxProvider(database)
    payments = Payments(database, provider, options.answer_seconds)
    return ShopParts(
        database=database,
        search=ProductSearch(lexicons, embedder),
        lexicons=lexicons,
        merchant=Merchant(lexicons, embedder),
        payments=payments,
        settlement=Settlement(database, provider, payments, options.rules, options.sweep_seconds),
        webhooks=Webhooks(database, provider, payments, options.webhook_secrets, options.webhook_tolerance_seconds),
        rules=options.rules,
        charts=ChartMaker(),
        prices=PriceClock(database, changed),
        embedder=embedder,
        changed=changed,
        demo=options.demo,
    )
