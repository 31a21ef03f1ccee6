"""The middleware: opens an account, runs the request, writes the header.

Put it first, so that it measures all of Django. Errors of the probe are logged once and
suppressed: a page never fails because it is measured.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import perf_counter_ns, thread_time_ns
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

from kneepoint_django import caches, database, header, statements
from kneepoint_django.accounting import Account, current

_log = logging.getLogger("kneepoint_django")


class ServerTimingMiddleware:
    """Adds `Server-Timing` to every response, in sync and in async stacks.

    In an async stack `cpu` is omitted: many requests share the event loop's thread, and its
    clock counts all of them.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[..., Any]) -> None:
        self.get_response = get_response
        self._complained = False
        self._async = iscoroutinefunction(get_response)
        if self._async:
            markcoroutinefunction(self)
        self._quietly(database.install)
        self._quietly(caches.install)

    def __call__(self, request: Any) -> Any:
        if self._async:
            return self._acall(request)
        self._quietly(database.refresh)
        account = Account(request)
        token = current.set(account)
        cpu, wall = thread_time_ns(), perf_counter_ns()
        try:
            response = self.get_response(request)
        finally:
            wall, cpu = perf_counter_ns() - wall, thread_time_ns() - cpu
            current.reset(token)
        self._quietly(_finish, request, response, account, wall, cpu)
        return response

    async def _acall(self, request: Any) -> Any:
        """Handle an async request, without the thread's clock."""
        account = Account(request)
        token = current.set(account)
        wall = perf_counter_ns()
        try:
            response = await self.get_response(request)
        finally:
            wall = perf_counter_ns() - wall
            current.reset(token)
        self._quietly(_finish, request, response, account, wall, None)
        return response

    def _quietly(self, step: Callable[..., None], *args: Any) -> None:
        """Run a step of the probe; the first failure is logged, none is raised."""
        try:
            step(*args)
        except Exception:
            if not self._complained:
                self._complained = True
                _log.warning("the probe failed and is incomplete", exc_info=True)


def _finish(request: Any, response: Any, account: Account, wall: int, cpu: int | None) -> None:
    """Write the header, and the origins of repeated statements not written before."""
    match = getattr(request, "resolver_match", None)
    route = (match.route or "/") if match else ""
    own = header.value(account, wall, cpu, route)
    before = response.headers.get("Server-Timing")
    response.headers["Server-Timing"] = f"{before}, {own}" if before else own
    for normalised, where in account.repeated.items():
        view = getattr(match, "_func_path", "")
        statements.write(normalised, {"route": route, "view": view, **where})
