"""Which system stands behind the service: the built-in shop, a platform over HTTP, or a class of somebody else's.

A third party registers an opener under the entry point group ``voxcart.shop_adapters``: a coroutine function that takes
the :class:`~voxcart.service.ServiceContext` (settings, a stack for what must be closed) and gives a
:class:`~voxcart_services.shop.adapters.adapter.ShopAdapter`.
"""

from collections.abc import Awaitable, Callable
from importlib.metadata import entry_points
from typing import Any

from voxcart.errors import InvalidInput
from voxcart.service import ServiceContext
from voxcart_services.shop.adapters.adapter import ShopAdapter

GROUP = "voxcart.shop_adapters"

Opener = Callable[[ServiceContext], Awaitable[ShopAdapter]]


async def _postgres(context: ServiceContext) -> ShopAdapter:
    from voxcart_services.shop.adapters.postgres import open_postgres

    return await open_postgres(context)


async def _http(context: ServiceContext) -> ShopAdapter:
    from voxcart_services.shop.adapters.http.opening import open_http

    return await open_http(context)


_BUILT_IN: dict[str, Opener] = {"postgres": _postgres, "http": _http}


def opener_named(name: str) -> Opener:
    """What opens an adapter.

    Raises:
        InvalidInput: There is none of this name, or it cannot be loaded.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    registered = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in registered:
        known = ", ".join(sorted({*_BUILT_IN, *registered}))
        raise InvalidInput(f"there is no shop adapter {name!r} (VOXCART_SHOP_ADAPTER); there are: {known}")
    try:
        opener: Any = registered[name].load()
    except Exception as error:
        raise InvalidInput(f"the shop adapter {name!r} cannot be loaded: {error}") from error
    if not callable(opener):
        raise InvalidInput(f"the shop adapter {name!r} is no coroutine function")
    return opener


async def open_adapter(context: ServiceContext, name: str) -> ShopAdapter:
    """Opens the adapter of this name; what it holds is closed with the service.

    Raises:
        InvalidInput: There is none, or it gives no adapter.
    """
    adapter = await opener_named(name)(context)
    if not isinstance(adapter, ShopAdapter):
        raise InvalidInput(f"the shop adapter {name!r} gave no ShopAdapter but a {type(adapter).__name__}")
    return adapter
