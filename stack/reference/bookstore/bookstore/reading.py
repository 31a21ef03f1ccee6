"""Which database the read-only views ask, by `using()`: the one line that replica routing takes.

Carts, orders and everything that a visitor has just written are read where they were written.
"""

from django.conf import settings


def replica() -> str:
    """The alias: `replica` with `KP_REPLICA=1`, else `default`."""
    return settings.READ_DATABASE
