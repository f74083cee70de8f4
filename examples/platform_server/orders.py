"""Carts, orders and payments. Every function runs in the transaction of its call."""

import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

from examples.platform_server.catalogue import money, row_of, shown
from examples.platform_server.store import Json, Refused, Who, next_version

MOST = 999


def cart(conn: sqlite3.Connection, who: Who) -> Json:
    """The cart at the prices of now."""
    need_user(who)
    lines = []
    for held in conn.execute(
        "SELECT * FROM cart_lines WHERE tenant = ? AND user_id = ? ORDER BY line_id", (who.tenant, who.user_id)
    ).fetchall():
        row = row_of(conn, who.tenant, held["sku"])
        cents, quantity = row["price_cents"], held["quantity"]
        line = {"line_id": str(held["line_id"]), "product": shown(row), "quantity": quantity}
        lines.append(line | {"unit_price": money(cents), "total": money(cents * quantity)})
    return {"lines": lines, "total": money(sum(line["total"]["cents"] for line in lines))}


def add_to_cart(conn: sqlite3.Connection, who: Who, wanted: Json) -> Json:
    """Adds units of a product; more of what is in the cart already raises that line."""
    need_user(who)
    row = row_of(conn, who.tenant, str(wanted.get("sku", "")))
    if wanted.get("variant_id"):
        raise Refused(404, f"{row['sku']} has no variant {wanted['variant_id']!r}")
    held = _line(conn, who, "sku", row["sku"])
    quantity = _quantity(wanted, least=1) + (held["quantity"] if held else 0)
    _need_stock(row, quantity)
    if held:
        _set_quantity(conn, who, held["line_id"], quantity)
    else:
        conn.execute(
            "INSERT INTO cart_lines SELECT ?1, ?2, coalesce(max(line_id), 0) + 1, ?3, ?4 FROM cart_lines "
            "WHERE tenant = ?1 AND user_id = ?2",
            (who.tenant, who.user_id, row["sku"], quantity),
        )
    return cart(conn, who)


def update_line(conn: sqlite3.Connection, who: Who, line_id: str, wanted: Json) -> Json:
    """Sets the quantity of a line; 0 removes it."""
    need_user(who)
    quantity = _quantity(wanted, least=0)
    held = _line(conn, who, "line_id", int(line_id)) if _is_number(line_id) else None
    if held is None:
        raise Refused(404, f"there is no line {line_id!r} in the cart")
    if quantity > held["quantity"]:
        _need_stock(row_of(conn, who.tenant, held["sku"]), quantity)
    _set_quantity(conn, who, held["line_id"], quantity)
    return cart(conn, who)


def clear_cart(conn: sqlite3.Connection, who: Who) -> Json:
    """Empties the cart."""
    need_user(who)
    conn.execute("DELETE FROM cart_lines WHERE tenant = ? AND user_id = ?", (who.tenant, who.user_id))
    return cart(conn, who)


def checkout(conn: sqlite3.Connection, who: Who, wanted: Json) -> Json:
    """Makes an order of the cart and takes its goods out of the stock."""
    held = cart(conn, who)
    if not held["lines"]:
        raise Refused(409, "the cart is empty", "empty_cart")
    expected = wanted.get("expected_total_cents")
    if expected is not None and expected != held["total"]["cents"]:
        raise Refused(409, f"the cart costs {held['total']['cents']} cents now", "price_changed")
    address = _address(conn, who, wanted.get("address_id", ""))
    lines = []
    for number, line in enumerate(held["lines"], start=1):
        row = row_of(conn, who.tenant, line["product"]["sku"])
        _need_stock(row, line["quantity"])
        _move_stock(conn, who.tenant, row["sku"], -line["quantity"])
        names = {name: line["product"][name] for name in ("sku", "name_zh", "name_en")}
        lines.append(names | {"quantity": line["quantity"], "unit_price": line["unit_price"], "line_no": number})
    facts = {"lines": lines, "total": held["total"], "address": address, "created_at": datetime.now(UTC).isoformat()}
    number = conn.execute(
        "INSERT INTO orders (tenant, user_id, status, facts) VALUES (?, ?, 'pending_payment', ?)",
        (who.tenant, who.user_id, json.dumps(facts)),
    ).lastrowid
    clear_cart(conn, who)
    return order(conn, who, str(number))


def addresses(conn: sqlite3.Connection, who: Who) -> Json:
    """The addresses that were used, the last one first; that is the default."""
    need_user(who)
    rows = conn.execute(
        "SELECT * FROM addresses WHERE tenant = ? AND user_id = ? ORDER BY used_at DESC", (who.tenant, who.user_id)
    )
    known = [{"address_id": str(row["number"]), "text": row["text"]} for row in rows]
    return {"addresses": [address | {"is_default": place == 0} for place, address in enumerate(known)]}


def change_address(conn: sqlite3.Connection, who: Who, wanted: Json) -> Json:
    """A new default address, or that of an order which has not been shipped."""
    need_user(who)
    words = str(wanted.get("address", "")).strip()
    if not 2 <= len(words) <= 200:
        raise Refused(400, "an address has 2 to 200 characters", field="address")
    conn.execute(
        "INSERT INTO addresses (tenant, user_id, text, used_at) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT DO UPDATE SET used_at = ?4",
        (who.tenant, who.user_id, words, next_version(conn)),
    )
    address = _address(conn, who, "")
    if wanted.get("order_id"):
        row = _row(conn, who, str(wanted["order_id"]))
        _need_status(row, "sent to another address", "pending_payment", "paid", "confirmed")
        _set_status(conn, row, row["status"], address=address)
    return address


def order(conn: sqlite3.Connection, who: Who, order_id: str) -> Json:
    """One order: a shopper's own, the merchant any of the shop."""
    return _shown(_row(conn, who, order_id))


def orders(conn: sqlite3.Connection, who: Who, query: Json, *, of_all: bool = False) -> Json:
    """Orders, the newest first. The page token is the number of the last one shown."""
    if of_all:
        who.need_merchant()
    else:
        need_user(who)
    token = query.get("page_token", "")
    if token and not _is_number(token):
        raise Refused(400, "page_token is not one of this list", field="page_token")
    size = int(query.get("page_size") or 10)
    rows = conn.execute("SELECT * FROM orders WHERE tenant = ? ORDER BY number DESC", (who.tenant,)).fetchall()
    statuses = query.get("statuses", [])
    wanted = [
        row for row in rows if (of_all or row["user_id"] == who.user_id) and (not statuses or row["status"] in statuses)
    ]
    rest = [row for row in wanted if not token or row["number"] < int(token)]
    next_token = str(rest[size - 1]["number"]) if len(rest) > size else ""
    return {"orders": [_shown(row) for row in rest[:size]], "total": len(wanted), "next_page_token": next_token}


def pay(conn: sqlite3.Connection, who: Who, wanted: Json) -> Json:
    """Pays for an order, or for the newest one that waits for its payment."""
    need_user(who)
    order_id = wanted.get("order_id", "")
    if not order_id:
        row = conn.execute(
            "SELECT number FROM orders WHERE tenant = ? AND user_id = ? AND status = 'pending_payment' "
            "ORDER BY number DESC LIMIT 1",
            (who.tenant, who.user_id),
        ).fetchone()
        if row is None:
            raise Refused(409, "no order waits for payment", "nothing_to_pay")
        order_id = str(row["number"])
    row = _row(conn, who, order_id)
    _need_status(row, "paid for", "pending_payment")
    if wanted.get("payment_token") == "tok_declined":
        raise Refused(409, "the payment was declined", "declined")
    _set_status(conn, row, "paid", payment_method=wanted.get("method") or "wechat_pay")
    return order(conn, who, order_id)


def cancel(conn: sqlite3.Connection, who: Who, order_id: str) -> Json:
    """Cancels an order that has not been shipped; its goods are free again."""
    row = _row(conn, who, order_id)
    _need_status(row, "cancelled", "pending_payment", "paid", "confirmed")
    for line in json.loads(row["facts"])["lines"]:
        _move_stock(conn, who.tenant, line["sku"], line["quantity"])
    _set_status(conn, row, "cancelled")
    return order(conn, who, order_id)


def move_on(conn: sqlite3.Connection, who: Who, order_id: str, status: str) -> Json:
    """The merchant confirms or ships an order."""
    who.need_merchant()
    row = _row(conn, who, order_id)
    _need_status(row, status, *{"confirmed": ["paid"], "shipped": ["paid", "confirmed"]}[status])
    _set_status(conn, row, status)
    return order(conn, who, order_id)


def need_user(who: Who) -> None:
    """Refuses guests."""
    if not who.user_id:
        raise Refused(400, "user_id is required", field="actor.user_id")


def _address(conn: sqlite3.Connection, who: Who, address_id: str) -> Json:
    """The address of this id, or the default."""
    known = addresses(conn, who)["addresses"]
    if not known:
        raise Refused(409, "there is no address to deliver to", "no_address")
    found = next(
        (address for address in known if address["address_id"] == (address_id or known[0]["address_id"])), None
    )
    if found is None:
        raise Refused(404, f"there is no address {address_id!r}")
    return found


def _row(conn: sqlite3.Connection, who: Who, order_id: str) -> sqlite3.Row:
    known = _is_number(order_id)
    row = conn.execute(
        "SELECT * FROM orders WHERE tenant = ? AND number = ?", (who.tenant, int(order_id) if known else -1)
    ).fetchone()
    if row is None or (who.role != "merchant" and row["user_id"] != who.user_id):
        raise Refused(404, f"there is no order {order_id!r}")
    return row


def _shown(row: sqlite3.Row) -> Json:
    return json.loads(row["facts"]) | {
        "order_id": str(row["number"]),
        "user_id": row["user_id"],
        "status": row["status"],
    }


def _set_status(conn: sqlite3.Connection, row: sqlite3.Row, status: str, **more: Any) -> None:
    facts = json.loads(row["facts"]) | more
    conn.execute("UPDATE orders SET status = ?, facts = ? WHERE number = ?", (status, json.dumps(facts), row["number"]))


def _need_status(row: sqlite3.Row, verb: str, *allowed: str) -> None:
    if row["status"] not in allowed:
        sentence = f"order {row['number']} is {row['status']} and cannot be {verb} now"
        raise Refused(409, sentence, "wrong_state")


def _line(conn: sqlite3.Connection, who: Who, column: str, value: object) -> sqlite3.Row | None:
    return conn.execute(
        f"SELECT * FROM cart_lines WHERE tenant = ? AND user_id = ? AND {column} = ?", (who.tenant, who.user_id, value)
    ).fetchone()


def _set_quantity(conn: sqlite3.Connection, who: Who, line_id: int, quantity: int) -> None:
    place = (who.tenant, who.user_id, line_id)
    where = "tenant = ? AND user_id = ? AND line_id = ?"
    if quantity:
        conn.execute(f"UPDATE cart_lines SET quantity = ? WHERE {where}", (quantity, *place))
    else:
        conn.execute(f"DELETE FROM cart_lines WHERE {where}", place)


def _move_stock(conn: sqlite3.Connection, tenant: str, sku: str, units: int) -> None:
    conn.execute(
        "UPDATE products SET stock = stock + ?, version = ? WHERE tenant = ? AND sku = ?",
        (units, next_version(conn), tenant, sku),
    )


def _need_stock(row: sqlite3.Row, quantity: int) -> None:
    if row["delisted"]:
        raise Refused(409, f"{row['sku']} is no longer sold", "delisted")
    if quantity > row["stock"]:
        raise Refused(409, f"only {row['stock']} of {row['sku']} are left", "out_of_stock")
    if quantity > MOST:
        raise Refused(409, f"at most {MOST} of one product can be bought at a time", "too_many")


def _quantity(wanted: Json, *, least: int) -> int:
    quantity = wanted.get("quantity", 0)
    if not isinstance(quantity, int) or not least <= quantity <= MOST:
        raise Refused(400, f"quantity must be {least} to {MOST}", field="quantity")
    return quantity


def _is_number(text: str) -> bool:
    """Whether it can be a number of SQLite, which has 64 bits."""
    return text.isascii() and text.isdigit() and len(text) < 18
