"""The account of one request: time and counts of the database, the cache and named calls.

The current account is a context variable, so threads and async tasks never share one, and
`sync_to_async` passes it on. Outside a request there is none and nothing is counted.
"""

from __future__ import annotations

from contextvars import ContextVar
from time import perf_counter_ns

_MOST_NAMES = 16


class Tally:
    """Number of calls and their total time."""

    __slots__ = ("count", "ns")

    def __init__(self) -> None:
        self.count = 0
        self.ns = 0

    def add(self, ns: int) -> None:
        """Add one call that took `ns` nanoseconds."""
        self.count += 1
        self.ns += ns


class Account:
    """Everything that is counted during one request."""

    __slots__ = (
        "cache",
        "cache_depth",
        "cache_hits",
        "cache_misses",
        "calls",
        "db",
        "repeated",
        "request",
        "statements",
        "tx",
    )

    def __init__(self, request: object = None) -> None:
        self.request = request
        self.db = Tally()
        self.tx = Tally()
        self.cache = Tally()
        self.cache_depth = 0
        self.cache_hits = 0
        self.cache_misses = 0
        self.calls: dict[str, Tally] = {}
        self.statements: dict[str, int] = {}
        self.repeated: dict[str, dict[str, object]] = {}


current: ContextVar[Account | None] = ContextVar("kneepoint_account", default=None)


class timed:
    """Measure a block under a name; does nothing outside a request that is being measured."""

    __slots__ = ("name", "started")

    def __init__(self, name: str) -> None:
        self.name = name
        self.started = 0

    def __enter__(self) -> None:
        self.started = perf_counter_ns()

    def __exit__(self, *exception: object) -> None:
        account = current.get()
        if account is None:
            return
        tally = account.calls.get(self.name)
        if tally is None:
            if len(account.calls) >= _MOST_NAMES:
                return
            tally = account.calls[self.name] = Tally()
        tally.add(perf_counter_ns() - self.started)
