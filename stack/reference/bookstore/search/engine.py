"""The client of the engine: HTTP with keep-alive, one connection per thread, short timeouts.

The engine answers `GET /search?q=…&limit=N` and `GET /similar/<id>?limit=N` with
`{"took_us": 123, "total": 42, "hits": [{"id": 1, "score": 3.2}]}`. Every failure
becomes `EngineUnavailable`, so that the site works without its search engine.
"""

import http.client
import json
import threading
from dataclasses import dataclass
from urllib.parse import SplitResult, urlencode, urlsplit

from django.conf import settings

from bookstore.faults import Fault, planted
from bookstore.timing import timed

_MAX_BODY = 1 << 20
_local = threading.local()


class EngineUnavailable(Exception):
    """The engine is not configured, does not respond, or responds with an error."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The response of the engine: keys of books, best first."""

    took_us: int
    total: int
    ids: list[int]


def search(query: str, limit: int) -> SearchResult:
    """Find books whose text matches `query`."""
    return _request("/search", {"q": query, "limit": limit})


def similar(book_id: int, limit: int) -> SearchResult:
    """Find books with a text similar to that of `book_id`."""
    return _request(f"/similar/{book_id}", {"limit": limit})


def _request(path: str, parameters: dict[str, str | int]) -> SearchResult:
    """Send one request; an idle connection that was closed is replaced once."""
    if not settings.ENGINE_URL:
        raise EngineUnavailable("KP_ENGINE_URL is not set")
    if planted(Fault.SLOW_ENGINE):
        parameters = parameters | {"delay_ms": settings.ENGINE_DELAY_MS}
    base = urlsplit(settings.ENGINE_URL)
    target = f"{base.path.rstrip('/')}{path}?{urlencode(parameters)}"
    with timed("engine"):
        return _parse(_get(base, target))


def _get(base: SplitResult, target: str) -> bytes:
    """The body of a 200 response."""
    connection, reused = _connection(base)
    try:
        try:
            return _exchange(connection, target)
        except (http.client.RemoteDisconnected, ConnectionError):
            connection.close()
            if not reused:
                raise
            return _exchange(connection, target)
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise EngineUnavailable(f"the engine did not respond: {type(error).__name__}") from error


def _exchange(connection: http.client.HTTPConnection, target: str) -> bytes:
    """Send one request and read the whole response, so that the connection can be reused."""
    connection.request("GET", target, headers={"Accept": "application/json"})
    response = connection.getresponse()
    body = response.read(_MAX_BODY + 1)
    if response.status != 200 or len(body) > _MAX_BODY:
        connection.close()
        raise EngineUnavailable(f"the engine responded {response.status} with {len(body)} bytes")
    return body


def _connection(base: SplitResult) -> tuple[http.client.HTTPConnection, bool]:
    """This thread's connection, and whether it was used before."""
    try:
        key = (base.hostname or "", base.port or 80)
    except ValueError as error:
        raise EngineUnavailable("KP_ENGINE_URL is not a URL") from error
    kept = getattr(_local, "connection", None)
    if kept is not None and kept[0] == key:
        return kept[1], kept[1].sock is not None
    if kept is not None:
        kept[1].close()
    connection = http.client.HTTPConnection(*key, timeout=settings.ENGINE_TIMEOUT_MS / 1000)
    _local.connection = (key, connection)
    return connection, False


def _parse(body: bytes) -> SearchResult:
    """Parse the response; anything unexpected raises `EngineUnavailable`."""
    try:
        result = json.loads(body)
        ids = [int(hit["id"]) for hit in result["hits"]]
        return SearchResult(int(result["took_us"]), int(result["total"]), ids)
    except (ValueError, KeyError, TypeError) as error:
        raise EngineUnavailable("the engine's response is not in the expected format") from error
