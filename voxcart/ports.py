"""Loopback TCP ports: finding a free one, seeing whether one is taken."""

import random
import socket

_CHOICES = range(20_000, 32_000)
"""Below the range from which systems take ports by themselves (RFC 6335 begins it at 49152, Linux at 32768): between
choosing a port and listening on it, no connection and no ``:0`` of another process gets it."""
_given: set[int] = set()


def free_port() -> int:
    """A TCP port on the loopback address that nobody listens on, and that this process was not given lately.

    Raises:
        OSError: All of them are taken.
    """
    if len(_given) > len(_CHOICES) // 2:
        _given.clear()
    left = [port for port in _CHOICES if port not in _given]
    random.SystemRandom().shuffle(left)
    for port in left:
        if not port_in_use(port):
            _given.add(port)
            return port
    raise OSError(f"no TCP port from {_CHOICES.start} to {_CHOICES.stop - 1} is free")


def port_in_use(port: int) -> bool:
    """Whether somebody listens on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
