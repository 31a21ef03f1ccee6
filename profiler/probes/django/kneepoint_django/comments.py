"""A comment that tells the database which route a statement belongs to.

MySQL keeps the text of one execution of each kind of statement (`QUERY_SAMPLE_TEXT`), comment and
all, and tells statements apart without it: so its own figures can be put to a route. Written in
the form of sqlcommenter, `/*route='books/<int:pk>/'*/`, only when `KNEEPOINT_SQL_ROUTES=1`.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import Any

_UNSAFE = re.compile(r"[^A-Za-z0-9_/<>:.,() -]")
_LONGEST = 200


def wanted() -> bool:
    """Whether it was asked for."""
    return os.environ.get("KNEEPOINT_SQL_ROUTES") == "1"


def with_route(sql: str, request: Any) -> str:
    """The statement with its comment; unchanged while no route is known yet.

    It stands at the end, since drivers and routers look at the beginning.
    """
    match = getattr(request, "resolver_match", None)
    if match is None or sql.rstrip().endswith(";"):
        return sql
    return sql + _comment(match.route or "/")


@lru_cache(maxsize=2048)
def _comment(route: str) -> str:
    """Nothing that could end the comment, the quotes, or stand for a parameter (`%`, `?`)."""
    return f" /*route='{_UNSAFE.sub('_', route[:_LONGEST])}'*/"
