"""Which way of buying is safe at which isolation level: real transactions, forced to overlap.

Only a database with levels can show it, so these run with `KP_DB=mysql` or `mariadb`.
"""

import threading
from unittest import skipUnless
from unittest.mock import patch

from django.db import connection, connections
from django.db.models import Sum
from django.test import TransactionTestCase, override_settings

from books.models import Book
from bookstore.testing import make_book
from orders import purchase as module
from orders.models import OrderItem
from orders.purchase import Busy, OutOfStock, purchase

_BELOW = ["repeatable read", "read committed"]


def isolation(level: str):
    """Connections that open from now on have this level."""
    return patch.dict(connections.settings["default"]["OPTIONS"], isolation_level=level)


def knows_snapshots() -> bool:
    """MariaDB 11.6.2 and later refuse to overwrite what changed after it was read."""
    return connection.mysql_is_mariadb and connection.mysql_version >= (11, 6, 2)


@skipUnless(connection.vendor == "mysql", "SQLite has no isolation levels")
class IsolationTests(TransactionTestCase):
    """Every buyer has a connection of its own."""

    def setUp(self) -> None:
        self.book = make_book(stock=20)

    def buyers(self, how_many: int) -> list[str]:
        """Let them all buy one copy at once; what each of them met."""
        outcomes: list[str] = []

        def buy() -> None:
            try:
                purchase(None, {self.book.pk: 1})
                outcomes.append("bought")
            except (Busy, OutOfStock) as refusal:
                outcomes.append(type(refusal).__name__)
            finally:
                connection.close()

        threads = [threading.Thread(target=buy) for _ in range(how_many)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        return sorted(outcomes)

    def two_who_read_before_either_writes(self) -> list[str]:
        """Two naive buyers whose first attempts overlap for certain."""
        both_have_read = threading.Barrier(2, timeout=20)
        first_attempt = threading.local()
        take = module._look_then_take

        def overlap(book, quantity):
            if not getattr(first_attempt, "is_over", False):
                first_attempt.is_over = True
                both_have_read.wait()
            return take(book, quantity)

        with patch.object(module, "_look_then_take", overlap):
            return self.buyers(2)

    def count(self) -> tuple[int, int]:
        """Copies left, and copies sold."""
        sold = OrderItem.objects.aggregate(sold=Sum("quantity"))["sold"] or 0
        return Book.objects.get(pk=self.book.pk).stock, sold

    @override_settings(PURCHASE="naive")
    def test_naive_below_serializable_sells_what_is_not_there(self) -> None:
        for level in _BELOW:
            self.book.stock = 20
            self.book.save()
            OrderItem.objects.all().delete()
            with isolation(level):
                outcomes = self.two_who_read_before_either_writes()
            if level == "repeatable read" and knows_snapshots():
                self.assertEqual((outcomes, self.count()), (["bought"] * 2, (18, 2)), level)
            else:
                self.assertEqual((outcomes, self.count()), (["bought"] * 2, (19, 2)), level)

    @override_settings(PURCHASE="naive", PURCHASE_RETRIES=0)
    def test_naive_at_serializable_deadlocks(self) -> None:
        with isolation("serializable"):
            outcomes = self.two_who_read_before_either_writes()
        self.assertEqual((outcomes, self.count()), (["Busy", "bought"], (19, 1)))

    @override_settings(PURCHASE="naive", PURCHASE_RETRIES=3)
    def test_naive_at_serializable_with_retries_sells_rightly(self) -> None:
        with isolation("serializable"):
            outcomes = self.two_who_read_before_either_writes()
        self.assertEqual((outcomes, self.count()), (["bought"] * 2, (18, 2)))

    def test_the_other_ways_are_safe_at_every_level(self) -> None:
        for level in ["serializable", *_BELOW]:
            for way in ("conditional", "for_update"):
                before, sold_before = self.count()
                with isolation(level), override_settings(PURCHASE=way):
                    outcomes = self.buyers(6)
                left, sold = self.count()
                self.assertEqual(before + sold_before, left + sold, f"{way} at {level}")
                self.assertEqual(outcomes.count("bought"), sold - sold_before)
                Book.objects.filter(pk=self.book.pk).update(stock=20)
                OrderItem.objects.all().delete()
