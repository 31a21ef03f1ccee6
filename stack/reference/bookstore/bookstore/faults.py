"""The planted faults: named mistakes that `KP_FAULTS` switches on, to test diagnoses.

Each is a real mistake in the real code path, not a sleep that imitates it (except
`slow_engine`, which requests a delay from the engine).
"""

from collections.abc import Iterable
from enum import StrEnum

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class Fault(StrEnum):
    """One planted mistake."""

    N_PLUS_ONE = "n_plus_one"
    N_PLUS_ONE_REVIEWS = "n_plus_one_reviews"
    MISSING_INDEX = "missing_index"
    NO_PAGINATION = "no_pagination"
    COUNT_PAGING = "count_paging"
    COOKIE_DEFEATS_CACHE = "cookie_defeats_cache"
    UNSAFE_CACHE = "unsafe_cache"
    SLOW_ENGINE = "slow_engine"
    SLOW_TEMPLATE = "slow_template"


def parse(names: Iterable[str]) -> frozenset[Fault]:
    """Turn names into faults; the error contains the unknown name."""
    found = set()
    for name in names:
        try:
            found.add(Fault(name))
        except ValueError as error:
            known = ", ".join(Fault)
            raise ImproperlyConfigured(f"KP_FAULTS: {name!r} is unknown: use {known}") from error
    return frozenset(found)


def planted(fault: Fault) -> bool:
    """Whether this fault is switched on."""
    return fault in settings.FAULTS
