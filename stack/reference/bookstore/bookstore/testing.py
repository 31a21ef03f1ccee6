"""Helpers for tests: sample rows, settings of other variables, a fake engine."""

import datetime
import json
import os
import runpy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.conf import settings

from books.isbn import check_digit, printed
from books.models import Author, Book


def make_book(number: int = 1, **fields) -> Book:
    """Save one book, by default with a new author."""
    twelve = f"9781{number:08}"
    values = {
        "title": f"Title {number}",
        "publication_date": datetime.date(2000, 1, 1) + datetime.timedelta(days=number),
        "isbn": printed(twelve + check_digit(twelve)),
        "summary": f"Summary {number}.",
        "genre": "crime",
        "price": Decimal("9.99"),
        "stock": 10,
    }
    if "author" not in fields:
        values["author"] = Author.objects.create(name=f"Author {number}")
    return Book.objects.create(**(values | fields))


def settings_with(**variables: str) -> dict[str, Any]:
    """Evaluate `settings.py` with only these variables; the active settings do not change."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("KP_")}
    with patch.dict(os.environ, others | variables, clear=True):
        return runpy.run_path(str(Path(settings.BASE_DIR, "bookstore", "settings.py")))


@contextmanager
def fake_engine(body: dict | bytes, status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """An engine that always responds with `body`; yields its URL and the requested targets."""
    targets: list[str] = []
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            targets.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *args) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", targets
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
