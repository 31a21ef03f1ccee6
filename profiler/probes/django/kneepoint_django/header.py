"""The value of the `Server-Timing` header (W3C) for one account.

Durations are milliseconds. Descriptions are quoted strings of plain ASCII.
"""

from __future__ import annotations

import os
import re

from kneepoint_django.accounting import Account, Tally
from kneepoint_django.statements import REPEATED, digest

_TOKEN = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST = 200


def quoted(text: str) -> str:
    """A quoted string: quotes and backslashes escaped, other than printable ASCII as `?`."""
    plain = "".join(char if " " <= char <= "~" else "?" for char in text[:_LONGEST])
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def value(account: Account, wall_ns: int, cpu_ns: int | None, route: str) -> str:
    """All metrics of one request; `cpu` is omitted when requests share the thread."""
    parts = [f"app;dur={_ms(wall_ns)}"]
    if cpu_ns is not None:
        parts.append(f"cpu;dur={_ms(cpu_ns)}")
    parts.append(_counted("db", account.db, "queries"))
    if account.tx.count:
        parts.append(_counted("tx", account.tx, "statements"))
    if account.cache.count:
        found = f"hits={account.cache_hits} misses={account.cache_misses}"
        parts.append(f'cache;dur={_ms(account.cache.ns)};desc="{found}"')
    for name, tally in account.calls.items():
        parts.append(_counted(_TOKEN.sub("_", name)[:40] or "call", tally, "calls"))
    most, count = worst(account)
    if count >= REPEATED:
        parts.append(f'n1;desc="{count}x {digest(most)}"')
    if route:
        parts.append(f"route;desc={quoted(route)}")
    parts.append(f'worker;desc="{os.getpid()}"')
    return ", ".join(parts)


def worst(account: Account) -> tuple[str, int]:
    """The most repeated statement, and how often it ran."""
    if not account.statements:
        return "", 0
    return max(account.statements.items(), key=lambda item: item[1])


def _counted(name: str, tally: Tally, unit: str) -> str:
    """A duration with a count."""
    return f'{name};dur={_ms(tally.ns)};desc="{tally.count} {unit}"'


def _ms(ns: int) -> str:
    """Milliseconds with microsecond precision."""
    return f"{ns / 1e6:.3f}"
