"""Search and similar books, with an engine that works, is unavailable, slow or broken."""

import json
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management import call_command
from django.test import TestCase, override_settings

from bookstore.faults import Fault
from bookstore.testing import fake_engine, make_book
from search import engine


def hits_body(*ids: int) -> dict:
    """A body that the engine could send."""
    return {
        "took_us": 5,
        "total": len(ids),
        "hits": [{"id": key, "score": 1.0} for key in ids],
    }


class SearchTests(TestCase):
    """The search page, and its behaviour without the engine."""

    def setUp(self) -> None:
        self.books = [make_book(number) for number in (1, 2, 3)]

    def test_results_keep_the_order_of_the_engine(self) -> None:
        first, _, third = (book.pk for book in self.books)
        with fake_engine(hits_body(third, first, 999)) as (url, seen):
            with override_settings(ENGINE_URL=url):
                text = self.client.get("/search/?q=a+b").content.decode()
            self.assertEqual(seen, ["/search?q=a+b&limit=20"])
        self.assertLess(text.index("Title 3"), text.index("Title 1"))
        self.assertNotIn("Title 2", text)

    def test_the_connection_is_reused(self) -> None:
        with fake_engine(hits_body()) as (url, seen), override_settings(ENGINE_URL=url):
            engine.search("a", 1)
            socket = engine._local.connection[1].sock
            engine.search("b", 1)
            self.assertIs(engine._local.connection[1].sock, socket)
            self.assertEqual(len(seen), 2)

    def test_an_unavailable_engine(self) -> None:
        for url in ("", "http://127.0.0.1:1", "nonsense", "http://127.0.0.1:x"):
            with override_settings(ENGINE_URL=url):
                response = self.client.get("/search/?q=a")
            self.assertContains(response, "Search is away", status_code=503)
            self.assertEqual(response["Retry-After"], "5")

    def test_an_invalid_response_counts_as_unavailable(self) -> None:
        for body, status in ((b"no", 200), ({"hits": 3}, 200), (hits_body(), 500)):
            with fake_engine(body, status) as (url, _), override_settings(ENGINE_URL=url):
                self.assertEqual(self.client.get("/search/?q=a").status_code, 503)

    def test_a_restarted_engine_is_reconnected(self) -> None:
        with fake_engine(hits_body()) as (url, _), override_settings(ENGINE_URL=url):
            engine.search("a", 1)
            engine._local.connection[1].sock.shutdown(2)
            self.assertEqual(engine.search("b", 1).total, 0)

    def test_similar_books_leave_the_book_itself_out(self) -> None:
        first, second, _ = self.books
        with fake_engine(hits_body(first.pk, second.pk)) as (url, seen):
            with override_settings(ENGINE_URL=url):
                page = self.client.get(f"/books/{first.pk}/")
            self.assertEqual(seen, [f"/similar/{first.pk}?limit=6"])
        self.assertContains(page, "Title 2")
        self.assertNotContains(page, "not available")

    def test_slow_engine_requests_the_delay(self) -> None:
        settings = {"FAULTS": {Fault.SLOW_ENGINE}, "ENGINE_DELAY_MS": 7}
        with fake_engine(hits_body()) as (url, seen), override_settings(ENGINE_URL=url, **settings):
            engine.search("a", 1)
        self.assertEqual(seen, ["/search?q=a&limit=1&delay_ms=7"])

    def test_export(self) -> None:
        with TemporaryDirectory() as folder:
            out = Path(folder) / "books.jsonl"
            call_command("export_books", out=out, stdout=StringIO())
            lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        self.assertEqual([line["id"] for line in lines], [book.pk for book in self.books])
        self.assertEqual(list(lines[0]), ["id", "title", "author", "summary", "genre"])
