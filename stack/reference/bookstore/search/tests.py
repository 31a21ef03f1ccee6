"""Search and similar books, with the engine there, away, slow and talking nonsense."""

import json
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management import call_command
from django.test import TestCase, override_settings

from bookstore.faults import Fault
from bookstore.testing import fake_engine, make_book
from search import engine


def answer(*ids: int) -> dict:
    """What the engine would say."""
    return {
        "took_us": 5,
        "total": len(ids),
        "hits": [{"id": key, "score": 1.0} for key in ids],
    }


class SearchTests(TestCase):
    """The page and its fall-backs."""

    def setUp(self) -> None:
        self.books = [make_book(number) for number in (1, 2, 3)]

    def test_results_keep_the_order_of_the_engine(self) -> None:
        first, _, third = (book.pk for book in self.books)
        with fake_engine(answer(third, first, 999)) as (url, seen):
            with override_settings(ENGINE_URL=url):
                text = self.client.get("/search/?q=a+b").content.decode()
            self.assertEqual(seen, ["/search?q=a+b&limit=20"])
        self.assertLess(text.index("Title 3"), text.index("Title 1"))
        self.assertNotIn("Title 2", text)

    def test_the_connection_is_kept(self) -> None:
        with fake_engine(answer()) as (url, seen), override_settings(ENGINE_URL=url):
            engine.search("a", 1)
            socket = engine._local.kept[1].sock
            engine.search("b", 1)
            self.assertIs(engine._local.kept[1].sock, socket)
            self.assertEqual(len(seen), 2)

    def test_away(self) -> None:
        for url in ("", "http://127.0.0.1:1", "nonsense", "http://127.0.0.1:x"):
            with override_settings(ENGINE_URL=url):
                response = self.client.get("/search/?q=a")
            self.assertContains(response, "Search is away", status_code=503)
            self.assertEqual(response["Retry-After"], "5")

    def test_nonsense_is_away(self) -> None:
        for body, status in ((b"no", 200), ({"hits": 3}, 200), (answer(), 500)):
            with fake_engine(body, status) as (url, _), override_settings(ENGINE_URL=url):
                self.assertEqual(self.client.get("/search/?q=a").status_code, 503)

    def test_a_restarted_engine_is_found_again(self) -> None:
        with fake_engine(answer()) as (url, _), override_settings(ENGINE_URL=url):
            engine.search("a", 1)
            engine._local.kept[1].sock.shutdown(2)
            self.assertEqual(engine.search("b", 1).total, 0)

    def test_similar_books_leave_the_book_itself_out(self) -> None:
        first, second, _ = self.books
        with fake_engine(answer(first.pk, second.pk)) as (url, seen):
            with override_settings(ENGINE_URL=url):
                page = self.client.get(f"/books/{first.pk}/")
            self.assertEqual(seen, [f"/similar/{first.pk}?limit=6"])
        self.assertContains(page, "Title 2")
        self.assertNotContains(page, "not available")

    def test_slow_engine_asks_for_the_delay(self) -> None:
        settings = {"FAULTS": {Fault.SLOW_ENGINE}, "ENGINE_DELAY_MS": 7}
        with fake_engine(answer()) as (url, seen), override_settings(ENGINE_URL=url, **settings):
            engine.search("a", 1)
        self.assertEqual(seen, ["/search?q=a&limit=1&delay_ms=7"])

    def test_export(self) -> None:
        with TemporaryDirectory() as folder:
            out = Path(folder) / "books.jsonl"
            call_command("export_books", out=out, stdout=StringIO())
            lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        self.assertEqual([line["id"] for line in lines], [book.pk for book in self.books])
        self.assertEqual(list(lines[0]), ["id", "title", "author", "summary", "genre"])
