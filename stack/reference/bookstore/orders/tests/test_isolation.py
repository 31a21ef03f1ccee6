"""Safety of each purchase strategy at each isolation level, with overlapping transactions.

SQLite has no isolation levels, so these tests run only with `KP_DB=mysql` or `mariadb`.
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
    """Set the level of connections that open from now on."""
    return patch.dict(connections.settings["default"]["OPTIONS"], isolation_level=level)


def has_snapshot_isolation() -> bool:
    """MariaDB 11.6.2 and later refuse to overwrite a row that changed after it was read."""
    return connection.mysql_is_mariadb and connection.mysql_version >= (11, 6, 2)


@skipUnless(connection.vendor == "mysql", "SQLite has no isolation levels")
class IsolationTests(TransactionTestCase):
    """Each buyer has a separate connection."""

    def setUp(self) -> None:
        self.book = make_book(stock=20)

    def run_buyers(self, count: int) -> list[str]:
        """Let all buy one copy at once; return the outcome of each."""
        outcomes: list[str] = []

        def buy() -> None:
            try:
                purchase(None, {self.book.pk: 1})
                outcomes.append("bought")
            except (Busy, OutOfStock) as refusal:
                outcomes.append(type(refusal).__name__)
            finally:
                connection.close()

        threads = [threading.Thread(target=buy) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        return sorted(outcomes)

    def run_two_that_read_before_either_writes(self) -> list[str]:
        """Run two naive buyers whose first attempts always overlap."""
        both_have_read = threading.Barrier(2, timeout=20)
        first_attempt = threading.local()
        take = module._read_then_take

        def overlap(book, quantity):
            if not getattr(first_attempt, "is_over", False):
                first_attempt.is_over = True
                both_have_read.wait()
            return take(book, quantity)

        with patch.object(module, "_read_then_take", overlap):
            return self.run_buyers(2)

    def count(self) -> tuple[int, int]:
        """Return the copies left and the copies sold."""
        sold = OrderItem.objects.aggregate(sold=Sum("quantity"))["sold"] or 0
        return Book.objects.get(pk=self.book.pk).stock, sold

    @override_settings(PURCHASE="naive")
    def test_naive_below_serializable_oversells(self) -> None:
        for level in _BELOW:
            self.book.stock = 20
            self.book.save()
            OrderItem.objects.all().delete()
            with isolation(level):
                outcomes = self.run_two_that_read_before_either_writes()
            if level == "repeatable read" and has_snapshot_isolation():
                self.assertEqual((outcomes, self.count()), (["bought"] * 2, (18, 2)), level)
            else:
                self.assertEqual((outcomes, self.count()), (["bought"] * 2, (19, 2)), level)

    @override_settings(PURCHASE="naive", PURCHASE_RETRIES=0)
    def test_naive_at_serializable_deadlocks(self) -> None:
        with isolation("serializable"):
            outcomes = self.run_two_that_read_before_either_writes()
        self.assertEqual((outcomes, self.count()), (["Busy", "bought"], (19, 1)))

    @override_settings(PURCHASE="naive", PURCHASE_RETRIES=3)
    def test_naive_at_serializable_with_retries_is_correct(self) -> None:
        with isolation("serializable"):
            outcomes = self.run_two_that_read_before_either_writes()
        self.assertEqual((outcomes, self.count()), (["bought"] * 2, (18, 2)))

    def test_the_other_strategies_are_safe_at_every_level(self) -> None:
        for level in ["serializable", *_BELOW]:
            for strategy in ("conditional", "for_update"):
                before, sold_before = self.count()
                with isolation(level), override_settings(PURCHASE=strategy):
                    outcomes = self.run_buyers(6)
                left, sold = self.count()
                self.assertEqual(before + sold_before, left + sold, f"{strategy} at {level}")
                self.assertEqual(outcomes.count("bought"), sold - sold_before)
                Book.objects.filter(pk=self.book.pk).update(stock=20)
                OrderItem.objects.all().delete()
