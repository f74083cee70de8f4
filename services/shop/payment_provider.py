"""What the shop needs of a payment company.

A charge is authorised, then captured or voided; captured money is refunded in whole or in parts. Every call carries
ids that make it repeatable: the same call again changes nothing and gives the state of now. An answer may be
``pending``, or be lost on the way; then the company tells the shop later by a signed webhook
(:mod:`voxcart_services.shop.webhooks`), and :meth:`PaymentProvider.find` tells it at any time.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge as the company knows it.

    Attributes:
        charge_id: The shop's id for it, ``<tenant>/<payment>``.
        status: ``pending``, ``authorised``, ``captured``, ``declined`` or ``voided``.
        decline_reason: Empty unless declined.
    """

    charge_id: str
    status: str
    amount_cents: int
    decline_reason: str = ""


class PaymentProvider(ABC):
    """A payment company.

    Every method raises ``Unavailable`` or ``DeadlineMissed`` if the company cannot be reached or does not answer; what
    became of the call is then unknown until it is repeated or looked up.
    """

    @abstractmethod
    async def authorise(self, charge_id: str, amount_cents: int, method: str, token: str) -> Charge:
        """Asks for the money; ``authorised``, ``declined``, or ``pending`` until a webhook tells."""

    @abstractmethod
    async def capture(self, charge_id: str) -> Charge:
        """Takes authorised money.

        Raises:
            NotFound: Unknown charge. ``WrongState``: pending, declined or voided.
        """

    @abstractmethod
    async def void(self, charge_id: str) -> Charge:
        """Gives up a charge that is not captured. A captured one stays as it is; its money goes back by a refund.

        Raises:
            NotFound: Unknown charge.
        """

    @abstractmethod
    async def refund(self, charge_id: str, refund_id: str, amount_cents: int) -> None:
        """Gives captured money back.

        Raises:
            NotFound: Unknown charge. ``WrongState``: not captured, or more than is left.
        """

    @abstractmethod
    async def find(self, charge_id: str) -> Charge | None:
        """The charge as it is now, ``None`` if the company has never heard of it."""
