"""Settings of what stands behind the shop service; part of the shop's settings."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from voxcart.settings import ServiceSettings
from voxcart_services.shop.adapters.http.client import ClientOptions


class AdapterSettings(ServiceSettings):
    """Each field is read from ``VOXCART_<FIELD>``."""

    shop_adapter: str = Field("postgres", pattern="^[a-z0-9_-]{1,64}$")
    """What answers the calls: ``postgres`` (the built-in shop), ``http`` (a platform behind ``shop_http_url``), or the
    name of an entry point in the group ``voxcart.shop_adapters``."""
    shop_http_url: str = ""
    """Address of the platform, below which the routes of docs/adapters.md lie: ``https://shop.example/voxcart``."""
    shop_http_token: SecretStr = SecretStr("")
    """Bearer token that the platform knows this service by. Empty sends none."""
    shop_http_try_seconds: float = Field(2.0, gt=0, le=60)
    """Longest single request, seconds."""
    shop_http_call_seconds: float = Field(6.0, gt=0, le=120)
    """Longest call with its repeats, seconds; the caller's deadline may be nearer."""
    shop_http_attempts: int = Field(3, ge=1, le=10)
    """Tries of a request that may be repeated: reads, and changes with an idempotency key."""
    shop_http_connections: int = Field(64, ge=1, le=1000)
    """Requests to the platform at a time; more wait."""
    shop_http_answer_bytes: int = Field(4 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    """Largest answer that is read."""
    shop_http_tenants: str = "demo"
    """Tenants whose catalogue is followed onto the bus, with commas between them. Empty: none."""
    shop_http_poll_seconds: float = Field(10.0, gt=0, le=3600)
    """How often the platform is asked for changes of its catalogue without being told of one, seconds."""
    shop_http_webhook_secret: SecretStr = SecretStr("")
    """What the platform signs ``/webhooks/catalogue`` with, 16 characters or more. Empty: none is taken."""

    @field_validator("shop_http_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("must be http://host[:port][/path] or https://...")
        if parts.username or parts.password:
            raise ValueError("must not hold a password; use VOXCART_SHOP_HTTP_TOKEN")
        return value

    @field_validator("shop_http_token")
    @classmethod
    def _one_line(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value()
        if not (token.isascii() and (token.isprintable() and " " not in token)):
            raise ValueError("must be printable ASCII without blanks")
        return value

    @field_validator("shop_http_webhook_secret")
    @classmethod
    def _long_webhook_secret(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 16:
            raise ValueError("must have at least 16 characters")
        return value

    @model_validator(mode="after")
    def _has_address(self) -> "AdapterSettings":
        if self.shop_adapter == "http" and not self.shop_http_url:
            raise ValueError("VOXCART_SHOP_ADAPTER=http needs VOXCART_SHOP_HTTP_URL")
        return self

    @property
    def http_client_options(self) -> ClientOptions:
        """How the platform is talked to."""
        return ClientOptions(
            url=self.shop_http_url,
            token=self.shop_http_token.get_secret_value(),
            try_seconds=self.shop_http_try_seconds,
            call_seconds=self.shop_http_call_seconds,
            attempts=self.shop_http_attempts,
            max_connections=self.shop_http_connections,
            max_answer_bytes=self.shop_http_answer_bytes,
        )

    @property
    def followed_tenants(self) -> list[str]:
        """Tenants whose catalogue is followed."""
        return [name.strip() for name in self.shop_http_tenants.split(",") if name.strip()]
