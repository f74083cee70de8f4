"""A small shop platform with the HTTP/JSON interface that Voxcart's shop service can stand in front of.

It has catalogue, carts, orders and payments of its own in SQLite and needs nothing but Python's standard library. It
shows what a platform must do, above all how an answer is kept with its key in the transaction of the change.
"""
