"""Normalised statements: literals become `?`, so that repetitions match and no value is kept.

The digest is a short hash of the normalised text. The origin of a repeated statement (route,
first line of the site's own code, template line) is written once per digest and process to the
file that `KNEEPOINT_STATEMENTS` names. A view that consists of library code has no such line: then
the next route that repeats the statement may still have one, and each such route is written once.
"""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from hashlib import blake2b

from kneepoint_django.frames import origin

REPEATED = 3
_LONGEST = 2000
_MOST_DIGESTS = 10_000
_LITERALS = re.compile(
    r"""(?P<comment>/\*.*?(?:\*/|$))|(?P<value>'(?:[^'\\]|\\.|'')*(?:'|$)|%s|%\(\w+\)s"""
    r"""|(?<![\w"`.$])(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w"`]))""",
    re.DOTALL,
)
_LISTS = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")
_ROWS = re.compile(r"\(\?\)(?:\s*,\s*\(\?\))+")
_BLANKS = re.compile(r"\s+")
_written: set[str] = set()


@lru_cache(maxsize=2048)
def normalise(sql: str) -> str:
    """The statement with `?` for each literal and parameter, and one `(?)` for any list."""
    text = _LITERALS.sub(lambda found: "" if found["comment"] else "?", sql[: 4 * _LONGEST])
    text = _ROWS.sub("(?)", _LISTS.sub("(?)", text))
    return _BLANKS.sub(" ", text).strip()[:_LONGEST]


@lru_cache(maxsize=2048)
def digest(normalised: str) -> str:
    """Twelve hexadecimal digits that name a normalised statement."""
    return blake2b(normalised.encode("utf-8", "replace"), digest_size=6).hexdigest()


def wanted(normalised: str) -> bool:
    """True when origins are recorded and this one is not yet written by this process."""
    if "KNEEPOINT_STATEMENTS" not in os.environ or len(_written) >= _MOST_DIGESTS:
        return False
    return digest(normalised) not in _written


def found_at() -> dict[str, object]:
    """Where in the site's code the current statement comes from."""
    return origin()


def write(normalised: str, where: dict[str, object]) -> None:
    """Append one line for this digest; a single `write` in append mode is never interleaved."""
    name = digest(normalised)
    # Without a location in the site's own code, another route may still have one.
    seen = name if where.get("at") or where.get("template") else f"{name} {where.get('route', '')}"
    if seen in _written:
        return
    _written.add(seen)
    line = json.dumps({"digest": name, "sql": normalised, **where})
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(os.environ["KNEEPOINT_STATEMENTS"], flags, 0o600)
    try:
        os.write(descriptor, line.encode() + b"\n")
    finally:
        os.close(descriptor)
