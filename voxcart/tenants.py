"""Names of tenants: the shops of one installation.

A demonstration or evaluation works on a copy of a shop, named ``<shop>~<suffix>``. Its catalogue is the shop's, so
services that only read the catalogue topic serve it from there.
"""

DEFAULT_TENANT = "demo"
"""The shop that is meant when a request names none."""


def tenant_or_default(tenant: str) -> str:
    """The tenant, or the default shop if it is empty."""
    return tenant or DEFAULT_TENANT


def catalogue_tenant(tenant: str) -> str:
    """Whose catalogue a tenant sells from: its own, or that of the shop it is a copy of."""
    return tenant_or_default(tenant).partition("~")[0]
