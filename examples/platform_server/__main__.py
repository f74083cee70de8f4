"""``python -m examples.platform_server [--port 8088] [--token secret] [--database shop.sqlite]``"""

import argparse
import signal
import sys
import threading

from examples.platform_server.http_face import PlatformServer
from examples.platform_server.store import Store


def main() -> int:
    """Serves until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m examples.platform_server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8088, help="0 takes a free one")
    parser.add_argument("--token", default="", help="bearer token that callers must send")
    parser.add_argument("--database", default=":memory:", help="SQLite file; the default forgets all at the end")
    parser.add_argument("--tenants", default="demo", help="shops, with commas between them")
    options = parser.parse_args()
    store = Store(options.database, options.tenants.split(","))
    server = PlatformServer((options.host, options.port), store, options.token)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"http://{options.host}:{server.server_address[1]}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
