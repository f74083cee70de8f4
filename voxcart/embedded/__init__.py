"""Servers that install with pip (or Maven) and run beside the services on one machine: the embedded default.

Each server is a child process that dies with its parent, keeps its port over restarts, and has ``start``, ``stop``,
``is_alive`` and an address.
"""

from voxcart.embedded.apache_kafka import ApacheKafka
from voxcart.embedded.postgres import EmbeddedPostgres
from voxcart.embedded.tansu import EmbeddedBroker
from voxcart.embedded.valkey import EmbeddedValkey

__all__ = ["ApacheKafka", "EmbeddedBroker", "EmbeddedPostgres", "EmbeddedValkey"]
