"""Middleware of the bookstore itself."""

import secrets
from collections.abc import Callable

from django.core.exceptions import MiddlewareNotUsed
from django.db import connection
from django.http import HttpRequest, HttpResponse

from bookstore.faults import Fault, planted

GetResponse = Callable[[HttpRequest], HttpResponse]
_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}


class SqliteWriteLockMiddleware:
    """Take SQLite's write lock when the transaction of a writing request begins.

    A transaction that reads first and writes later fails at once with "database is locked" when
    another writer came between; one that begins IMMEDIATE waits for the lock (`timeout`). Reads
    begin deferred, so they never wait.
    """

    def __init__(self, get_response: GetResponse) -> None:
        if connection.vendor != "sqlite":
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in _SAFE:
            return self.get_response(request)
        connection.ensure_connection()
        connection.transaction_mode = "IMMEDIATE"
        try:
            return self.get_response(request)
        finally:
            connection.transaction_mode = None


class NeedlessCookieMiddleware:
    """The fault `cookie_defeats_cache`: an unnecessary cookie on every anonymous page."""

    def __init__(self, get_response: GetResponse) -> None:
        if not planted(Fault.COOKIE_DEFEATS_CACHE):
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if "sessionid" not in request.COOKIES:
            response.set_cookie("visit", secrets.token_hex(8), max_age=1800, samesite="Lax")
        return response
