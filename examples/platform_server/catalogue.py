"""Products: finding, showing, changing, and the list of changes that Voxcart follows."""

import json
import sqlite3

from examples.platform_server.store import Json, Refused, Who, next_version

CURRENCY = "CNY"
PAGE = 10


def money(cents: int) -> Json:
    """An amount."""
    return {"currency": CURRENCY, "cents": cents}


def shown(row: sqlite3.Row) -> Json:
    """A product as callers see it."""
    product = json.loads(row["facts"])
    product |= {"price": money(row["price_cents"]), "stock": row["stock"], "delisted": bool(row["delisted"])}
    product["variants"] = [{"variant_id": "", "stock": row["stock"]}]
    return product


def row_of(conn: sqlite3.Connection, tenant: str, sku: str) -> sqlite3.Row:
    """A product's row."""
    row = conn.execute("SELECT * FROM products WHERE tenant = ? AND sku = ?", (tenant, sku)).fetchone()
    if row is None:
        raise Refused(404, f"there is no product {sku!r}")
    return row


def get_product(conn: sqlite3.Connection, who: Who, sku: str) -> Json:
    """One product, delisted ones included."""
    return shown(row_of(conn, who.tenant, sku))


def search(conn: sqlite3.Connection, who: Who, wanted: Json) -> Json:
    """Products whose names hold the words of the query and that meet the filters."""
    rows = conn.execute("SELECT * FROM products WHERE tenant = ? AND NOT delisted ORDER BY sku", (who.tenant,))
    words = str(wanted.get("query", "")).lower().split()
    least, most = wanted.get("price_min_cents", 0), wanted.get("price_max_cents", 2**62)
    found = []
    for row in rows:
        product = shown(row)
        names = " ".join([product["name_zh"], product["name_en"], *product["aliases"]]).lower()
        fits = least <= row["price_cents"] <= most and (row["stock"] > 0 or not wanted.get("in_stock_only"))
        for name in ("brands", "categories"):
            fits = fits and (
                not wanted.get(name) or product[{"brands": "brand", "categories": "category"}[name]] in wanted[name]
            )
        if fits and all(word in names for word in words):
            said = " ".join(words)
            is_name = (len(said) > 1 and said in product["name_zh"].lower()) or said in map(
                str.lower, product["aliases"]
            )
            found.append({"product": product, "score": 1.0 if is_name else 0.5, "name_match": is_name})
    _sort(found, wanted.get("sort_by", "SORT_BY_UNSPECIFIED"))
    start = _offset(wanted.get("page_token", ""))
    end = start + (wanted.get("page_size") or PAGE)
    return {"hits": found[start:end], "total": len(found), "next_page_token": str(end) if end < len(found) else ""}


def _sort(found: list[Json], order: str) -> None:
    keys = {
        "SORT_BY_PRICE_ASC": lambda hit: hit["product"]["price"]["cents"],
        "SORT_BY_PRICE_DESC": lambda hit: -hit["product"]["price"]["cents"],
        "SORT_BY_SALES_DESC": lambda hit: -hit["product"]["units_sold"],
        "SORT_BY_RATING_DESC": lambda hit: -hit["product"]["rating"],
    }
    found.sort(key=keys.get(order, lambda hit: -hit["score"]))


def _offset(token: str) -> int:
    if token and not (token.isascii() and token.isdigit() and len(token) < 8):
        raise Refused(400, "page_token is not one of this list", field="page_token")
    return int(token or 0)


def changes(conn: sqlite3.Connection, who: Who, query: Json) -> Json:
    """Products in the order of their last change, from a cursor on."""
    limit = min(200, int(query.get("limit", 100)))
    cursor = _offset(query.get("cursor", ""))
    rows = conn.execute(
        "SELECT * FROM products WHERE tenant = ? AND version > ? ORDER BY version LIMIT ?", (who.tenant, cursor, limit)
    ).fetchall()
    found = [{"version": row["version"], "product": shown(row)} for row in rows]
    last = rows[-1]["version"] if rows else cursor
    return {"changes": found, "next_cursor": str(last), "has_more": len(rows) == limit}


def update_product(conn: sqlite3.Connection, who: Who, sku: str, wanted: Json) -> Json:
    """Changes price or stock: ``{"price": {"set": 100}, "stock": {"add": 5}}``."""
    who.need_merchant()
    before = row_of(conn, who.tenant, sku)
    price = _changed(before["price_cents"], wanted.get("price"), "price")
    stock = _changed(before["stock"], wanted.get("stock"), "stock")
    if price <= 0:
        raise Refused(400, "a price must be more than 0", field="price")
    if (price, stock) == (before["price_cents"], before["stock"]) and not wanted.keys() & {"price", "stock"}:
        raise Refused(400, "there is nothing to change")
    conn.execute(
        "UPDATE products SET price_cents = ?, stock = ?, version = ? WHERE tenant = ? AND sku = ?",
        (price, stock, next_version(conn), who.tenant, sku),
    )
    after = shown(row_of(conn, who.tenant, sku))
    return {"product": after, "price_before_cents": before["price_cents"], "stock_before": before["stock"]}


def _changed(now: int, change: Json | None, name: str) -> int:
    if not change:
        return now
    (relation, amount), *more = change.items()
    if more or not isinstance(amount, (int, float)) or amount < 0:
        raise Refused(400, f"{name} has no change that can be made", field=name)
    results = {"set": amount, "add": now + amount, "subtract": now - amount, "percent": round(now * amount / 100)}
    if relation not in results or not 0 <= results[relation] <= 10**10:
        raise Refused(400, f"{name} cannot become that", field=name)
    return int(results[relation])
