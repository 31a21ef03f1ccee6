"""Password hashing at a price that `KP_PASSWORD_ITERATIONS` sets.

A login at Django's own price (a million rounds) costs about half a second of CPU, which would
drown everything else that a load run wants to see. Raise the number to see just that.
"""

from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher


class ReferenceHasher(PBKDF2PasswordHasher):
    """Django's hasher with a configurable number of rounds."""

    @property
    def iterations(self) -> int:
        """How many rounds a new hash has; older hashes are renewed at login, as in Django."""
        return settings.PASSWORD_ITERATIONS
