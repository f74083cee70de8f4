"""What can stand behind the shop's gRPC service: the ports, and the systems that implement them."""
