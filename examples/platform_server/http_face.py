"""The HTTP face of the example: routes, who asks, idempotency keys, errors as JSON."""

import hmac
import json
import re
import sqlite3
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from examples.platform_server import catalogue, orders
from examples.platform_server.store import Json, Refused, Store, Who

MAX_BODY_BYTES = 256 * 1024

Read = Callable[[sqlite3.Connection, Who, list[str], Json], Json]

ROUTES: list[tuple[str, str, str, bool, Read]] = [
    ("SearchProducts", "POST", "/products/search", False, lambda c, w, p, v: catalogue.search(c, w, v)),
    ("GetProduct", "GET", "/products/([^/]+)", False, lambda c, w, p, v: catalogue.get_product(c, w, p[0])),
    ("UpdateProduct", "PATCH", "/products/([^/]+)", True, lambda c, w, p, v: catalogue.update_product(c, w, p[0], v)),
    ("GetCart", "GET", "/cart", False, lambda c, w, p, v: orders.cart(c, w)),
    ("AddToCart", "POST", "/cart/lines", True, lambda c, w, p, v: orders.add_to_cart(c, w, v)),
    ("UpdateCartLine", "PUT", "/cart/lines/([^/]+)", True, lambda c, w, p, v: orders.update_line(c, w, p[0], v)),
    ("ClearCart", "DELETE", "/cart", True, lambda c, w, p, v: orders.clear_cart(c, w)),
    ("Checkout", "POST", "/orders", True, lambda c, w, p, v: orders.checkout(c, w, v)),
    ("GetOrder", "GET", "/orders/([^/]+)", False, lambda c, w, p, v: orders.order(c, w, p[0])),
    ("ListOrders", "GET", "/orders", False, lambda c, w, p, v: orders.orders(c, w, v)),
    ("CancelOrder", "POST", "/orders/([^/]+)/cancel", True, lambda c, w, p, v: orders.cancel(c, w, p[0])),
    ("ListAddresses", "GET", "/addresses", False, lambda c, w, p, v: orders.addresses(c, w)),
    ("ChangeAddress", "POST", "/addresses", True, lambda c, w, p, v: orders.change_address(c, w, v)),
    ("Pay", "POST", "/payments", True, lambda c, w, p, v: orders.pay(c, w, v)),
    ("ListShopOrders", "GET", "/merchant/orders", False, lambda c, w, p, v: orders.orders(c, w, v, of_all=True)),
    (
        "ConfirmOrder",
        "POST",
        "/orders/([^/]+)/confirm",
        True,
        lambda c, w, p, v: orders.move_on(c, w, p[0], "confirmed"),
    ),
    ("ShipOrder", "POST", "/orders/([^/]+)/ship", True, lambda c, w, p, v: orders.move_on(c, w, p[0], "shipped")),
    ("", "GET", "/changes", False, lambda c, w, p, v: catalogue.changes(c, w, v)),
]
"""Name of the call, verb, path, whether it needs a key, and what answers it."""

DESCRIPTION = {
    "api": "voxcart.platform.v1",
    "currency": catalogue.CURRENCY,
    "calls": [name for name, *_ in ROUTES if name],
}


class PlatformServer(ThreadingHTTPServer):
    """Serves one store."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], store: Store, token: str = "") -> None:
        super().__init__(address, PlatformHandler)
        self.store = store
        self.token = token


class PlatformHandler(BaseHTTPRequestHandler):
    """Answers requests of one connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    server: PlatformServer

    def _serve(self) -> None:
        replayed = False
        try:
            status, (answer, replayed) = 200, self._answer()
        except Refused as refusal:
            status, answer = refusal.status, {"error": refusal.error}
        except Exception as error:
            self.log_error("%s", error)
            status, answer = 500, {"error": {"message": "internal error"}}
        body = json.dumps(answer, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if request_id := self.headers.get("Voxcart-Request-Id"):
            self.send_header("Voxcart-Request-Id", request_id)
        if replayed:
            self.send_header("Idempotent-Replayed", "true")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _answer(self) -> tuple[Json, bool]:
        values = self._values()
        token = f"Bearer {self.server.token}"
        if self.server.token and not hmac.compare_digest(
            self.headers.get("Authorization", "").encode(), token.encode()
        ):
            raise Refused(401, "the token is missing or wrong")
        path = urlsplit(self.path).path
        if path == "/":
            return DESCRIPTION, False
        for _, verb, pattern, needs_key, work in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and verb == self.command:
                return self._run(work, [unquote(part) for part in found.groups()], values, needs_key)
        raise Refused(501, f"this platform does not offer {self.command} {path[:100]}")

    def _run(self, work: Read, parts: list[str], values: Json, needs_key: bool) -> tuple[Json, bool]:
        headers = {name: unquote(self.headers.get(f"Voxcart-{name}", "")) for name in ("Tenant", "User", "Role")}
        who = Who(headers["Tenant"], headers["User"], headers["Role"])
        if not needs_key:
            with self.server.store.transaction(who.tenant) as conn:
                return work(conn, who, parts, values), False
        key = unquote(self.headers.get("Idempotency-Key", ""))
        request = [self.command, urlsplit(self.path).path, values]
        return self.server.store.once(who, key, request, lambda conn: work(conn, who, parts, values))

    def _values(self) -> Json:
        """The body, or the query."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            raise Refused(400, f"a body has at most {MAX_BODY_BYTES} bytes")
        body = self.rfile.read(length)
        if self.command in ("GET", "DELETE"):
            query: Json = {}
            for name, value in parse_qsl(urlsplit(self.path).query):
                if name in ("statuses",):
                    query.setdefault(name, []).append(value)
                else:
                    query[name] = value
            return query
        try:
            values: Any = json.loads(body or b"{}")
        except ValueError as error:
            raise Refused(400, "the body is no JSON") from error
        if not isinstance(values, dict):
            raise Refused(400, "the body is no JSON object")
        return values

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing but errors."""
