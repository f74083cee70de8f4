"""A shop platform as the service sees it: its ports, and the work that goes on beside the calls."""

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from google.protobuf.message import Message

from voxcart_services.shop.adapters.ports import (
    CartPort,
    CataloguePort,
    DemoPort,
    MerchantPort,
    OrderPort,
    PaymentPort,
)
from voxcart_services.shop.requests import Audience

Method: TypeAlias = Callable[[Any], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class ShopAdapter:
    """The systems behind one shop service. Ports may come from different systems.

    Attributes:
        background: Work for the life of the service by name, started once and supervised: a failure stops the service.
        warm_up: Awaited before the service says that it is ready.
        admit: Asked with the name of the call and the request, after its checks; raises ``NotAllowed`` to refuse it.
    """

    catalogue: CataloguePort
    carts: CartPort
    orders: OrderPort
    payments: PaymentPort
    merchant: MerchantPort = field(default_factory=MerchantPort)
    demo: DemoPort = field(default_factory=DemoPort)
    background: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=dict)
    warm_up: Callable[[], Awaitable[None]] | None = None
    admit: Callable[[str, Any], Awaitable[None]] | None = None

    def method(self, rpc: str) -> tuple[Method, Audience]:
        """What answers a call of the contract, and who may make it.

        Raises:
            LookupError: No port has it.
        """
        name = snake_case(rpc)
        for attribute, port, audience in PLACES:
            if name in vars(port):
                return getattr(getattr(self, attribute), name), audience
        raise LookupError(f"no port has {name}")


PLACES: tuple[tuple[str, type, Audience], ...] = (
    ("catalogue", CataloguePort, Audience.ANYONE),
    ("carts", CartPort, Audience.USER),
    ("orders", OrderPort, Audience.USER),
    ("payments", PaymentPort, Audience.USER),
    ("merchant", MerchantPort, Audience.MERCHANT),
    ("demo", DemoPort, Audience.OPERATOR),
)
"""Where an adapter has which port, and who may make its calls."""


def snake_case(rpc: str) -> str:
    """``AddToCart`` as ``add_to_cart``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower()
