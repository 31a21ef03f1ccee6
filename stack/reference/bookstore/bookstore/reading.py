"""The database that read-only views read from, for `using()`.

Carts, orders and everything that a user has just written are read from the default database.
"""

from django.conf import settings


def replica() -> str:
    """The alias: `replica` with `KP_REPLICA=1`, else `default`."""
    return settings.READ_DATABASE
