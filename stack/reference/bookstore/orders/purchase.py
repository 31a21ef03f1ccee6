"""Purchases: reduce the stock and write the order in one transaction, by one of three strategies.

`conditional` reduces the stock by an UPDATE that matches only if enough is left; `for_update`
locks the row, reads, then writes; `naive` reads, then writes, and so loses updates below
SERIALIZABLE. The first is the correct one. Rows are updated in the order of their keys, so that
two purchases of the same books cannot deadlock.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from itertools import count

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F

from books.models import Book
from orders.confirmation import request_confirmation
from orders.models import Order, OrderItem

# MySQL and MariaDB: the row changed since it was read, lock wait timeout, deadlock.
_CONFLICTS = {1020, 1205, 1213}


class Busy(Exception):
    """Each attempt conflicted with another purchase; nothing was bought."""


class OutOfStock(Exception):
    """There are fewer copies than requested; nothing was bought."""

    def __init__(self, book_id: int) -> None:
        super().__init__(f"book {book_id} is out of stock")
        self.book_id = book_id


def _take_conditional(book_id: int, quantity: int) -> Decimal:
    """Check and reduce the stock in one statement."""
    enough = Book.objects.filter(pk=book_id, stock__gte=quantity)
    if not enough.update(stock=F("stock") - quantity):
        raise OutOfStock(book_id)
    return Book.objects.values_list("price", flat=True).get(pk=book_id)


def _take_for_update(book_id: int, quantity: int) -> Decimal:
    """Lock, read, write (SQLite has no row locks; there the transaction must begin IMMEDIATE)."""
    return _read_then_take(Book.objects.select_for_update().filter(pk=book_id).first(), quantity)


def _take_naive(book_id: int, quantity: int) -> Decimal:
    """Read, then write without a lock: the planted mistake."""
    return _read_then_take(Book.objects.filter(pk=book_id).first(), quantity)


def _read_then_take(book: Book | None, quantity: int) -> Decimal:
    """Write a stock that is computed from the row as read."""
    if book is None:
        raise OutOfStock(0)
    if book.stock < quantity:
        raise OutOfStock(book.pk)
    book.stock -= quantity
    book.save(update_fields=["stock"])
    return book.price


_STRATEGIES: dict[str, Callable[[int, int], Decimal]] = {
    "conditional": _take_conditional,
    "for_update": _take_for_update,
    "naive": _take_naive,
}


def purchase(user_id: int | None, cart: Mapping[int, int]) -> Order:
    """Buy the cart, or raise `OutOfStock` or `Busy` and change nothing.

    A purchase that conflicts with another is retried `KP_PURCHASE_RETRIES` times. This needs
    views without `ATOMIC_REQUESTS`, because the transaction must be repeated as a whole.
    """
    order = _purchase_with_retries(user_id, cart)
    transaction.on_commit(partial(request_confirmation, order.pk))
    return order


def _purchase_with_retries(user_id: int | None, cart: Mapping[int, int]) -> Order:
    """Try once, then at most `KP_PURCHASE_RETRIES` times more."""
    for attempt in count():
        try:
            return _purchase_once(user_id, cart)
        except OperationalError as error:
            if not _is_conflict(error) or transaction.get_connection().in_atomic_block:
                raise
            if attempt >= settings.PURCHASE_RETRIES:
                raise Busy from error
    raise AssertionError("count() never ends")


def _is_conflict(error: OperationalError) -> bool:
    """Whether another transaction caused the error, so that a retry makes sense."""
    code = error.args[0] if error.args else None
    return code in _CONFLICTS or "database is locked" in str(error)


@transaction.atomic
def _purchase_once(user_id: int | None, cart: Mapping[int, int]) -> Order:
    """Try to buy the cart in one transaction."""
    take = _STRATEGIES[settings.PURCHASE]
    bought = [(key, cart[key], take(key, cart[key])) for key in sorted(cart)]
    total = sum((price * quantity for _, quantity, price in bought), Decimal(0))
    order = Order.objects.create(user_id=user_id, total=total)
    OrderItem.objects.bulk_create(
        OrderItem(order=order, book_id=key, quantity=quantity, price=price)
        for key, quantity, price in bought
    )
    return order
