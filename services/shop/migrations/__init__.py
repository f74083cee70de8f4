"""Alembic migrations of the shop's database; run at start by :mod:`voxcart_services.shop.database`."""
