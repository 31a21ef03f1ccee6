"""Password hashing with the number of rounds in `KP_PASSWORD_ITERATIONS`.

A login with Django's default (a million rounds) costs about half a second of CPU, which would
hide everything else in a load run. Raise the number to measure this cost.
"""

from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher


class ReferenceHasher(PBKDF2PasswordHasher):
    """Django's hasher with a configurable number of rounds."""

    @property
    def iterations(self) -> int:
        """Rounds of a new hash; older hashes are renewed at login, as in Django."""
        return settings.PASSWORD_ITERATIONS
