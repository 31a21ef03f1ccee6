"""A comment that names the route of a statement for the database.

MySQL keeps the text of one execution of each kind of statement (`QUERY_SAMPLE_TEXT`) including
comments, but ignores comments when grouping: so its figures can be assigned to a route. Written
in the format of sqlcommenter, `/*route='books/<int:pk>/'*/`, only when `KNEEPOINT_SQL_ROUTES=1`.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import Any

_UNSAFE = re.compile(r"[^A-Za-z0-9_/<>:.,() -]")
_LONGEST = 200


def wanted() -> bool:
    """True when comments are enabled."""
    return os.environ.get("KNEEPOINT_SQL_ROUTES") == "1"


def with_route(sql: str, request: Any) -> str:
    """Append the comment; the statement is unchanged while no route is known yet.

    The comment is at the end, because drivers and routers inspect the beginning.
    """
    match = getattr(request, "resolver_match", None)
    if match is None or sql.rstrip().endswith(";"):
        return sql
    return sql + _comment(match.route or "/")


@lru_cache(maxsize=2048)
def _comment(route: str) -> str:
    """The comment, without characters that end it or its quotes, or mark a parameter (`%`, `?`)."""
    return f" /*route='{_UNSAFE.sub('_', route[:_LONGEST])}'*/"
