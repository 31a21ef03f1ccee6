"""Typed reading of `KP_…` variables.

They read a mapping, so tests do not touch the process environment; only `settings.py` passes
the real one. The error for a bad value names the variable and the allowed values.
"""

from collections.abc import Iterable, Mapping

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


class Env:
    """A typed view of environment variables."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def text(self, name: str, default: str = "") -> str:
        """The unchanged value; unset gives `default`."""
        return self._variables.get(name, default)

    def flag(self, name: str, default: bool) -> bool:
        """`1/0`, `true/false`, `yes/no`, `on/off`; unset gives `default`."""
        value = self._variables.get(name)
        if value is None:
            return default
        if value.lower() in _TRUE:
            return True
        if value.lower() in _FALSE:
            return False
        raise ImproperlyConfigured(f"{name}={value!r} is not a flag: use 1 or 0")

    def count(self, name: str, default: int) -> int:
        """A whole number, zero or more; unset or empty gives `default`."""
        value = self._variables.get(name, "")
        if not value:
            return default
        if not value.isascii() or not value.isdigit():
            raise ImproperlyConfigured(f"{name}={value!r} is not a whole number of zero or more")
        return int(value)

    def choice(self, name: str, default: str, allowed: Iterable[str]) -> str:
        """One of `allowed`; unset or empty gives `default`."""
        value = self._variables.get(name, "") or default
        options = list(allowed)
        if value not in options:
            raise ImproperlyConfigured(
                f"{name}={value!r} is unknown: use one of {', '.join(options)}"
            )
        return value

    def names(self, name: str, default: str = "") -> list[str]:
        """A comma-separated list, stripped; unset gives the names of `default`."""
        parts = self._variables.get(name, default).split(",")
        return [part.strip() for part in parts if part.strip()]
