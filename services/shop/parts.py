"""Puts the shop together: the same in the service, in tests and in an embedding program."""

from collections.abc import Callable

from voxcart_services.shop.database import Database
from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.lexicon_store import LexiconStore
from voxcart_services.shop.merchant import Merchant
from voxcart_services.shop.payment_provider import SandboxProvider
from voxcart_services.shop.payments import Payments
from voxcart_services.shop.search import ProductSearch
from voxcart_services.shop.servicer import ShopParts
from voxcart_services.shop.settlement import Settlement


def assemble(database: Database, embedder: Embedder | None, changed: Callable[[], None], *, demo: bool) -> ShopParts:
    """All parts on one database, with the sandbox as payment company.

    Args:
        embedder: ``None`` searches by words only.
        changed: Called after each change; wakes the outbox publisher.
        demo: Allow demonstration tenants.
    """
    lexicons = LexiconStore()
    provider = SandboxProvider(database)
    payments = Payments(database, provider)
    return ShopParts(
        database=database,
        search=ProductSearch(lexicons, embedder),
        lexicons=lexicons,
        merchant=Merchant(lexicons, embedder),
        payments=payments,
        settlement=Settlement(database, provider, payments),
        embedder=embedder,
        changed=changed,
        demo=demo,
    )
