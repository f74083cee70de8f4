"""The gateway: conversations of clients over gRPC and WebSocket, to and from the bus."""
