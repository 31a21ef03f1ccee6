"""The client of the engine: HTTP with keep-alive, one connection a thread, short timeouts.

The engine answers `GET /search?q=…&limit=N` and `GET /similar/<id>?limit=N` with
`{"took_us": 123, "total": 42, "hits": [{"id": 1, "score": 3.2}]}`. Whatever goes wrong becomes
`EngineAway`: a shop without its search engine is still a shop.
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


class EngineAway(Exception):
    """The engine is not configured, does not answer, or answers nonsense."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine found: keys of books, best first."""

    took_us: int
    total: int
    ids: list[int]


def search(query: str, limit: int) -> Answer:
    """Books whose text matches `query`."""
    return _ask("/search", {"q": query, "limit": limit})


def similar(book_id: int, limit: int) -> Answer:
    """Books whose text is like that of `book_id`."""
    return _ask(f"/similar/{book_id}", {"limit": limit})


def _ask(path: str, parameters: dict[str, str | int]) -> Answer:
    """One question; a connection that went stale while idle is replaced once."""
    if not settings.ENGINE_URL:
        raise EngineAway("KP_ENGINE_URL is not set")
    if planted(Fault.SLOW_ENGINE):
        parameters = parameters | {"delay_ms": settings.ENGINE_DELAY_MS}
    base = urlsplit(settings.ENGINE_URL)
    target = f"{base.path.rstrip('/')}{path}?{urlencode(parameters)}"
    with timed("engine"):
        return _parse(_get(base, target))


def _get(base: SplitResult, target: str) -> bytes:
    """The body of a 200 answer."""
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
        raise EngineAway(f"the engine did not answer: {type(error).__name__}") from error


def _exchange(connection: http.client.HTTPConnection, target: str) -> bytes:
    """Send one request and read its answer whole, so that the connection can be used again."""
    connection.request("GET", target, headers={"Accept": "application/json"})
    response = connection.getresponse()
    body = response.read(_MAX_BODY + 1)
    if response.status != 200 or len(body) > _MAX_BODY:
        connection.close()
        raise EngineAway(f"the engine answered {response.status} with {len(body)} bytes")
    return body


def _connection(base: SplitResult) -> tuple[http.client.HTTPConnection, bool]:
    """This thread's connection, and whether it has been used before."""
    try:
        key = (base.hostname or "", base.port or 80)
    except ValueError as error:
        raise EngineAway("KP_ENGINE_URL is not an address") from error
    kept = getattr(_local, "kept", None)
    if kept is not None and kept[0] == key:
        return kept[1], kept[1].sock is not None
    if kept is not None:
        kept[1].close()
    connection = http.client.HTTPConnection(*key, timeout=settings.ENGINE_TIMEOUT_MS / 1000)
    _local.kept = (key, connection)
    return connection, False


def _parse(body: bytes) -> Answer:
    """The answer as a value; anything unexpected is `EngineAway`."""
    try:
        answer = json.loads(body)
        ids = [int(hit["id"]) for hit in answer["hits"]]
        return Answer(int(answer["took_us"]), int(answer["total"]), ids)
    except (ValueError, KeyError, TypeError) as error:
        raise EngineAway("the engine's answer was not understood") from error
