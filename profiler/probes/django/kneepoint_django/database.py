"""Counts and times statements on every database connection, in every thread.

Each connection gets one wrapper in `execute_wrappers` when it connects. BEGIN, COMMIT and similar
are counted separately (`tx`): they are the cost of `ATOMIC_REQUESTS`, not queries of the page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from time import perf_counter_ns
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from kneepoint_django import comments, statements
from kneepoint_django.accounting import current

_TX = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "START TRANSACTION", "SET ")
_MARK = "_kneepoint_measured"
_COMMENTS = comments.wanted()


def install() -> None:
    """Measure all open connections, and every connection opened later."""
    connection_created.connect(_on_connection, dispatch_uid="kneepoint_django")
    refresh()


def refresh() -> None:
    """Measure this thread's open connections; cheap when they already are."""
    for connection in connections.all(initialized_only=True):
        _measure(connection)


def _on_connection(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Handle the signal of a new connection."""
    _measure(connection)


def _measure(connection: BaseDatabaseWrapper) -> None:
    """Install the wrapper once; commits bypass the cursor, so they are wrapped on the class."""
    if _execute in connection.execute_wrappers:
        return
    connection.execute_wrappers.append(_execute)
    names = ["_commit", "_rollback"]
    if connection.vendor == "mysql":  # On other databases this sends no statement.
        names.append("_set_autocommit")
    for name in names:
        _patch(type(connection), name)


def _patch(backend: type, name: str) -> None:
    """Wrap one method of a backend class, once."""
    method = getattr(backend, name, None)
    if method is None or hasattr(method, _MARK):
        return

    @wraps(method)
    def measured(self: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> Any:
        account = current.get()
        if account is None:
            return method(self, *args, **kwargs)
        started = perf_counter_ns()
        try:
            return method(self, *args, **kwargs)
        finally:
            account.tx.add(perf_counter_ns() - started)

    setattr(measured, _MARK, True)
    setattr(backend, name, measured)


def _execute(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Run a statement and add its time to the account of the current request."""
    account = current.get()
    if account is None:
        return execute(sql, params, many, context)
    text = sql if type(sql) is str else str(sql)
    # A batch is not changed, because drivers recognize it by its form and send it at once.
    if _COMMENTS and not many and sql is text and context["connection"].vendor == "mysql":
        sql = comments.with_route(text, account.request)
    started = perf_counter_ns()
    try:
        return execute(sql, params, many, context)
    finally:
        spent = perf_counter_ns() - started
        if text.startswith(_TX):
            account.tx.add(spent)
        else:
            account.db.add(spent)
            _count(account, text)


def _count(account: Any, sql: str) -> None:
    """Count repetitions; record the origin at the third. A failure must not affect the page."""
    try:
        normalised = statements.normalise(sql)
        count = account.statements.get(normalised, 0) + 1
        account.statements[normalised] = count
        if count == statements.REPEATED and statements.wanted(normalised):
            account.repeated[normalised] = statements.found_at()
    except Exception:
        account.statements.clear()
