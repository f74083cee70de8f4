"""Settings of the shop service, read from the environment once at start."""

from datetime import timedelta

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from voxcart_services.shop.adapters.settings import AdapterSettings
from voxcart_services.shop.orders import OrderRules
from voxcart_services.shop.signatures import WebhookSecrets

SHORTEST_SECRET = 16


def _split(secrets: SecretStr) -> tuple[bytes, ...]:
    parts = (part.strip() for part in secrets.get_secret_value().split(","))
    return tuple(part.encode() for part in parts if part)


class ShopSettings(AdapterSettings):
    """Each field is read from ``VOXCART_<FIELD>``."""

    shop_demo: bool = False
    """Demonstration mode: CreateDemoTenant and DropDemoTenant are allowed, and the dates of the seeded history are
    moved at start so that "yesterday" stays yesterday. ``voxcart up`` sets it; production does not."""
    shop_seed: bool = True
    """Fill the default shop with the demo catalogue and history at the first start on an empty database."""
    shop_pool_size: int = Field(8, ge=1, le=200)
    """Connections to PostgreSQL, and as many again for changes of carts and checkouts. A call that finds none free
    within ``shop_pool_wait_seconds`` is refused."""
    shop_pool_wait_seconds: float = Field(2.0, gt=0, le=60)
    """How long a call waits for a connection, seconds."""
    shop_statement_seconds: float = Field(5.0, gt=0, le=120)
    """Longest SQL statement and longest wait for a row lock, seconds."""
    shop_outbox_poll_seconds: float = Field(5.0, gt=0, le=300)
    """How often the outbox is looked at without being woken, seconds: finds what other processes and crashes left."""
    shop_search_poll_seconds: float = Field(5.0, gt=0, le=300)
    """How often new and renamed products are looked for that wait for their embedding, seconds."""
    shop_index_memory_mb: int = Field(512, ge=16, le=65_536)
    """Memory that building the index on the embeddings of a large shop may take, MB; a million products want 2,000."""
    shop_reserve_minutes: float = Field(30.0, gt=0, le=10_080)
    """How long an order waits for its payment before it expires and its goods are free again, minutes."""
    shop_quote_minutes: float = Field(10.0, gt=0, le=1440)
    """How long the prices of a quote hold, minutes."""
    shop_sweep_seconds: float = Field(15.0, gt=0, le=3600)
    """How often payments cut off, refunds not made and orders not paid in time are looked for, seconds."""
    shop_complete_days: float = Field(10.0, gt=0, le=365)
    """How long after delivery an order is complete, days."""
    shop_webhook_listen: str = "127.0.0.1:0"
    """host:port of the HTTP endpoint for webhooks of payment company and carriers. Port 0 takes a free one."""
    shop_payment_webhook_secrets: SecretStr = SecretStr("")
    """What the payment company signs its webhooks with, at least 16 characters. Several with commas between them, the
    newest first, are all valid, so that a secret can be changed without losing a message. Empty: a new one at each
    start, known to the sandbox payment company only."""
    shop_carrier_webhook_secrets: SecretStr = SecretStr("")
    """The same for carriers. Empty: webhooks of carriers are refused."""
    shop_webhook_tolerance_seconds: float = Field(300.0, gt=0, le=3600)
    """How far a webhook's time of sending may lie from now, seconds."""

    @field_validator("shop_webhook_listen")
    @classmethod
    def _host_and_port_of_webhooks(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError(f"must be host:port, not {value!r}")
        return value

    @field_validator("shop_payment_webhook_secrets", "shop_carrier_webhook_secrets")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if any(len(secret) < SHORTEST_SECRET for secret in _split(value)):
            raise ValueError(f"every secret must have at least {SHORTEST_SECRET} characters")
        return value

    @field_validator("shop_carrier_webhook_secrets")
    @classmethod
    def _of_their_own(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if set(_split(value)) & set(_split(info.data.get("shop_payment_webhook_secrets", SecretStr("")))):
            raise ValueError("carriers must not share a secret with the payment company")
        return value

    @property
    def webhook_secrets(self) -> WebhookSecrets:
        """What webhooks are signed with."""
        return WebhookSecrets(
            payments=_split(self.shop_payment_webhook_secrets), carrier=_split(self.shop_carrier_webhook_secrets)
        )

    @property
    def order_rules(self) -> OrderRules:
        """How long things hold."""
        return OrderRules(
            reserve_for=timedelta(minutes=self.shop_reserve_minutes),
            quote_life=timedelta(minutes=self.shop_quote_minutes),
            complete_after=timedelta(days=self.shop_complete_days),
        )
