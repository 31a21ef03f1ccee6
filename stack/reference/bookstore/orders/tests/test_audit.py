"""`/healthz/stock`: consistent sums at any isolation level; 404 without its flag."""

import threading
from unittest.mock import patch

from django.db import connection, connections, transaction
from django.db.models import F
from django.test import Client, TransactionTestCase, override_settings

from books.models import Book
from bookstore.testing import make_book
from orders.purchase import purchase

LEVELS = ["serializable", "repeatable read", "read committed", "read uncommitted"]


@override_settings(AUDIT=True)
class AuditTests(TransactionTestCase):
    """Sums over real tables."""

    def setUp(self) -> None:
        self.books = [make_book(1, stock=10), make_book(2, stock=5)]

    def test_not_found_without_the_flag(self) -> None:
        with override_settings(AUDIT=False):
            self.assertEqual(self.client.get("/healthz/stock").status_code, 404)

    def test_sums(self) -> None:
        purchase(None, {self.books[0].pk: 3, self.books[1].pk: 1})
        purchase(None, {self.books[0].pk: 1})
        expected = {
            "stock": 10,
            "sold": 5,
            "stock_and_sold": 15,
            "books_below_zero": 0,
            "orders": 2,
            "confirmed": 2,
            "newest": self.books[1].pk,
        }
        self.assertEqual(self.client.get("/healthz/stock").json(), expected)
        one = self.client.get(f"/healthz/stock?book={self.books[1].pk}").json()
        self.assertEqual((one["stock"], one["sold"], one["orders"], one["confirmed"]), (4, 1, 1, 1))
        self.assertEqual(self.client.get("/healthz/stock?book=x").status_code, 400)
        none = self.client.get("/healthz/stock?book=99999").json()
        self.assertEqual((none["stock"], none["sold"]), (0, 0))

    def test_books_created_or_deleted_meanwhile_are_left_out(self) -> None:
        purchase(None, {self.books[0].pk: 3})
        before = self.client.get("/healthz/stock").json()
        late = make_book(3, stock=5)
        purchase(None, {late.pk: 1})
        self.assertEqual(self.client.get("/healthz/stock").json()["stock_and_sold"], 20)
        after = self.client.get(f"/healthz/stock?newest={before['newest']}").json()
        self.assertEqual(after, before)
        self.assertEqual(self.client.get("/healthz/stock?newest=-1").status_code, 400)

    def test_a_lost_update_changes_the_sum(self) -> None:
        purchase(None, {self.books[0].pk: 1})
        Book.objects.filter(pk=self.books[0].pk).update(stock=F("stock") + 1)
        self.assertEqual(self.client.get("/healthz/stock").json()["stock_and_sold"], 16)

    def test_an_open_purchase_is_invisible_and_does_not_block_at_any_level(self) -> None:
        levels = LEVELS if connection.vendor == "mysql" else [None]
        for level in levels:
            with transaction.atomic():
                Book.objects.filter(pk=self.books[0].pk).update(stock=F("stock") - 1)
                seen = self.read_in_another_connection(level)
                transaction.set_rollback(True)
            self.assertEqual(seen, [(15, 0)], level)

    def read_in_another_connection(self, level: str | None) -> list[tuple[int, int]]:
        """The sums that another connection reads meanwhile."""
        seen: list[tuple[int, int]] = []

        def read() -> None:
            try:
                sums = Client().get("/healthz/stock").json()
                seen.append((sums["stock"], sums["sold"]))
            finally:
                connection.close()

        options = connections.settings["default"]["OPTIONS"]
        with patch.dict(options, {"isolation_level": level} if level else {}):
            thread = threading.Thread(target=read)
            thread.start()
            thread.join(timeout=10)
            self.assertFalse(thread.is_alive(), f"the check waits for a lock at {level}")
        return seen
