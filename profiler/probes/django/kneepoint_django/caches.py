"""Counts hits and misses by wrapping `get` and `get_many` of the cache classes in use.

`get` is called with a private default, so that a miss is never confused with a stored value;
the caller receives its own default.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from time import perf_counter_ns
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

from kneepoint_django.accounting import current

_MARK = "_kneepoint_measured"
_ABSENT = object()


def install() -> None:
    """Wrap the class of every configured cache; one that cannot be created is skipped."""
    for alias in settings.CACHES:
        try:
            kind = type(caches[alias])
        except Exception:
            continue
        if issubclass(kind, BaseCache) and _MARK not in vars(kind):
            kind.get = _measured_get(kind.get)  # type: ignore[method-assign]
            kind.get_many = _measured_get_many(kind.get_many)  # type: ignore[method-assign]
            setattr(kind, _MARK, True)


def _measured_get(method: Callable[..., Any]) -> Callable[..., Any]:
    """Measure `get`; inside another measured call it is not counted again."""

    @wraps(method)
    def get(self: BaseCache, key: Any, default: Any = None, *args: Any, **kwargs: Any) -> Any:
        account = current.get()
        if account is None or account.cache_depth:
            return method(self, key, default, *args, **kwargs)
        account.cache_depth += 1
        started = perf_counter_ns()
        try:
            found = method(self, key, _ABSENT, *args, **kwargs)
        finally:
            account.cache_depth -= 1
            account.cache.add(perf_counter_ns() - started)
        if found is _ABSENT:
            account.cache_misses += 1
            return default
        account.cache_hits += 1
        return found

    return get


def _measured_get_many(method: Callable[..., Any]) -> Callable[..., Any]:
    """Measure `get_many`: found keys are hits, the others are misses."""

    @wraps(method)
    def get_many(self: BaseCache, keys: Any, *args: Any, **kwargs: Any) -> Any:
        account = current.get()
        if account is None or account.cache_depth:
            return method(self, keys, *args, **kwargs)
        account.cache_depth += 1
        asked = list(keys)
        started = perf_counter_ns()
        try:
            found = method(self, asked, *args, **kwargs)
        finally:
            account.cache_depth -= 1
            account.cache.add(perf_counter_ns() - started)
        account.cache_hits += len(found)
        account.cache_misses += max(0, len(asked) - len(found))
        return found

    return get_many
