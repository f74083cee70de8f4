"""The shop service: catalogue and search, cart, orders, payment, refunds, and the merchant's side, on PostgreSQL."""
