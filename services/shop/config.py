"""Settings of the shop service, read from the environment once at start."""

from pydantic import Field

from voxcart.settings import ServiceSettings


class ShopSettings(ServiceSettings):
    """Each field is read from ``VOXCART_<FIELD>``."""

    shop_demo: bool = False
    """Demonstration mode: CreateDemoTenant and DropDemoTenant are allowed, and the dates of the seeded history are
    moved at start so that "yesterday" stays yesterday. ``voxcart up`` sets it; production does not."""
    shop_seed: bool = True
    """Fill the default shop with the demo catalogue and history at the first start on an empty database."""
    shop_pool_size: int = Field(8, ge=1, le=200)
    """Connections to PostgreSQL. A call that finds none free within ``shop_pool_wait_seconds`` is refused."""
    shop_pool_wait_seconds: float = Field(2.0, gt=0, le=60)
    """How long a call waits for a connection, seconds."""
    shop_statement_seconds: float = Field(5.0, gt=0, le=120)
    """Longest SQL statement and longest wait for a row lock, seconds."""
    shop_outbox_poll_seconds: float = Field(5.0, gt=0, le=300)
    """How often the outbox is looked at without being woken, seconds: finds what other processes and crashes left."""
