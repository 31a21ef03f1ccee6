"""A purchase succeeds completely or changes nothing, also with several buyers at once."""

import threading
from unittest.mock import patch

from django.db import OperationalError, connection
from django.test import TestCase, TransactionTestCase, override_settings

from books.models import Book
from bookstore.testing import make_book
from orders import purchase as module
from orders.models import Order
from orders.purchase import Busy, OutOfStock, purchase


class PurchaseTests(TestCase):
    """Purchases by one buyer."""

    def test_each_strategy_reduces_the_stock_and_writes_the_order(self) -> None:
        for strategy in ("conditional", "for_update", "naive"):
            book = make_book(stock=5)
            with override_settings(PURCHASE=strategy):
                order = purchase(None, {book.pk: 2})
            book.refresh_from_db()
            self.assertEqual((book.stock, order.total), (3, book.price * 2), strategy)
            self.assertEqual(order.items.get().quantity, 2)

    def test_too_few_copies_change_nothing(self) -> None:
        for strategy in ("conditional", "for_update", "naive"):
            plenty, scarce = make_book(1, stock=5), make_book(2, stock=1)
            with override_settings(PURCHASE=strategy), self.assertRaises(OutOfStock) as caught:
                purchase(None, {plenty.pk: 1, scarce.pk: 2})
            self.assertEqual(caught.exception.book_id, scarce.pk)
            plenty.refresh_from_db()
            self.assertEqual(plenty.stock, 5, strategy)
        self.assertFalse(Order.objects.exists())

    def test_conditional_refuses_a_copy_that_was_sold_meanwhile(self) -> None:
        book = make_book(stock=1)
        Book.objects.filter(pk=book.pk).update(stock=0)
        with self.assertRaises(OutOfStock):
            purchase(None, {book.pk: 1})
        book.refresh_from_db()
        self.assertEqual(book.stock, 0)

    def test_naive_loses_an_update_that_came_between(self) -> None:
        book = make_book(stock=5)
        stale = Book.objects.get(pk=book.pk)
        purchase(None, {book.pk: 1})
        module._read_then_take(stale, 1)
        book.refresh_from_db()
        self.assertEqual(book.stock, 4)


class ConcurrentTests(TransactionTestCase):
    """Several buyers, each with a separate connection."""

    def test_ten_buyers_of_four_copies(self) -> None:
        book = make_book(stock=4)
        outcomes: list[str] = []
        start = threading.Barrier(10, timeout=20)

        def buy() -> None:
            try:
                connection.ensure_connection()
                if connection.vendor == "sqlite":
                    connection.transaction_mode = "IMMEDIATE"
                start.wait()
                purchase(None, {book.pk: 1})
                outcomes.append("bought")
            except OutOfStock:
                outcomes.append("sold out")
            finally:
                connection.close()

        buyers = [threading.Thread(target=buy) for _ in range(10)]
        for buyer in buyers:
            buyer.start()
        for buyer in buyers:
            buyer.join(timeout=30)
        book.refresh_from_db()
        self.assertEqual((outcomes.count("bought"), outcomes.count("sold out")), (4, 6))
        self.assertEqual((book.stock, Order.objects.count()), (0, 4))

    def test_a_deadlock_is_retried_a_limited_number_of_times(self) -> None:
        book = make_book(stock=4)
        once, deadlock = module._purchase_once, OperationalError(1213, "deadlock")

        def second_time(*args):
            return attempts.pop()(*args)

        def first_time(*args):
            raise deadlock

        attempts = [once, first_time]
        with patch.object(module, "_purchase_once", side_effect=second_time):
            self.assertEqual(purchase(None, {book.pk: 1}), Order.objects.get())
        for retries in (0, 2):
            with (
                patch.object(module, "_purchase_once", side_effect=deadlock) as tried,
                override_settings(PURCHASE_RETRIES=retries),
            ):
                self.assertRaises(Busy, purchase, None, {book.pk: 1})
                self.assertEqual(tried.call_count, retries + 1)

    def test_other_errors_are_not_retried(self) -> None:
        gone = OperationalError(2013, "lost connection")
        with patch.object(module, "_purchase_once", side_effect=gone) as once:
            self.assertRaises(OperationalError, purchase, None, {1: 1})
        self.assertEqual(once.call_count, 1)
