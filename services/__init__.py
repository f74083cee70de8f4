"""The Voxcart services, one package each; start one with ``python -m voxcart_services.<name>``."""
