"""How discounts and refunds divide over the lines of an order, to the cent. Pure functions.

Both divide by rounding cumulated shares down, so that the parts always add up to the whole: the shares of a discount
over the lines, and the refunds of a line however it is given back, unit by unit or at once.
"""

from collections.abc import Sequence

from voxcart.errors import InvalidInput, WrongState
from voxcart_services.shop.models import Order, RefundLine


def share_out(discount_cents: int, line_totals: Sequence[int]) -> list[int]:
    """A discount over lines in proportion to what they cost; each share is at most its line.

    Args:
        discount_cents: 0 up to the sum of the lines.
    """
    whole = sum(line_totals)
    shares, before, given = [], 0, 0
    for total in line_totals:
        before += total
        upto = discount_cents * before // whole if whole else 0
        shares.append(upto - given)
        given = upto
    return shares


def units_price(paid_cents: int, quantity: int, already: int, units: int) -> int:
    """Price of ``units`` more of a line that cost ``paid_cents`` for ``quantity``, ``already`` being given back."""
    return paid_cents * (already + units) // quantity - paid_cents * already // quantity


def refund_of(
    order: Order, wanted: Sequence[tuple[int, int]], amount_cents: int | None, left_cents: int
) -> tuple[list[RefundLine], int]:
    """The lines and the amount of a refund.

    Args:
        wanted: (line_no, quantity); empty with no amount means all that is left of the order.
        amount_cents: Less than what the lines cost, or an amount alone; ``None`` for what the lines cost.
        left_cents: What has not been asked back yet.

    Raises:
        InvalidInput: No such line, a quantity below 1, a line named twice, or an amount of 0 or less.
        WrongState: More units or money than is left.
    """
    if amount_cents is not None and amount_cents <= 0:
        raise InvalidInput("the amount of a refund must be more than 0", field="amount_cents")
    if left_cents <= 0:
        raise WrongState(f"order {order.order_id} has no money left to give back", reason="refund_exists")
    if amount_cents is not None and not wanted:
        if amount_cents > left_cents:
            raise WrongState(f"only {left_cents} cents of order {order.order_id} are left", reason="too_much")
        return [], amount_cents
    whole = not wanted
    if whole:
        wanted = [(o.line_no, o.quantity - o.refunded_quantity) for o in order.lines]
        wanted = [(line_no, units) for line_no, units in wanted if units > 0]
    lines = _priced(order, wanted)
    cost = left_cents if whole else min(left_cents, sum(line.amount_cents for line in lines))
    if amount_cents is not None and amount_cents > cost:
        raise WrongState(f"these lines cost {cost} cents, not {amount_cents}", reason="too_much")
    return lines, cost if amount_cents is None else amount_cents


def _priced(order: Order, wanted: Sequence[tuple[int, int]]) -> list[RefundLine]:
    known = {line.line_no: line for line in order.lines}
    if len({line_no for line_no, _ in wanted}) < len(wanted):
        raise InvalidInput("a line of the order is named twice", field="lines")
    lines = []
    for line_no, units in wanted:
        line = known.get(line_no)
        if line is None:
            raise InvalidInput(f"order {order.order_id} has no line {line_no}", field="lines")
        if units < 1:
            raise InvalidInput(f"quantity must be 1 or more, not {units}", field="lines")
        left = line.quantity - line.refunded_quantity
        if units > left:
            raise WrongState(f"only {left} of {line.name_zh} can be refunded", reason="too_much")
        price = units_price(line.paid_cents, line.quantity, line.refunded_quantity, units)
        lines.append(RefundLine(line_no, units, price))
    return lines
