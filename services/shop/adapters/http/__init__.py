"""A shop platform with an HTTP/JSON interface (docs/adapters.md) behind the shop's gRPC service."""
