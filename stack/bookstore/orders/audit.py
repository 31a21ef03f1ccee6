"""`/healthz/stock`: what an invariant is checked with: stock + sold stays the same, whatever load.

Only where `KP_AUDIT=1` says that the stack is thrown away: it reads whole tables.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Q, Sum
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from books.models import Book
from orders.models import Confirmation, Order, OrderItem


@transaction.non_atomic_requests
@never_cache
@require_safe
def stock(request: HttpRequest) -> JsonResponse:
    """Sums over all books, or over one with `?book=`; all of one and the same moment."""
    if not settings.AUDIT:
        raise Http404("KP_AUDIT is off")
    asked = request.GET.get("book", "")
    if asked and not (asked.isascii() and asked.isdigit() and len(asked) < 19):
        return JsonResponse({"error": "book is not a number"}, status=400)
    with _one_moment():
        return JsonResponse(_sums(int(asked) if asked else None))


@contextmanager
def _one_moment() -> Iterator[None]:
    """A transaction that sees one committed state at any `KP_ISOLATION`, and locks nothing.

    MySQL gives that at REPEATABLE READ alone: READ COMMITTED looks anew at each statement, and
    SERIALIZABLE would lock every book. SQLite's write-ahead log gives it to any transaction.
    """
    with transaction.atomic():
        if connection.vendor == "mysql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _sums(book_id: int | None) -> dict[str, int]:
    """How many copies there are and were sold, books below zero, orders, and those confirmed."""
    books, items = Book.objects.all(), OrderItem.objects.all()
    orders, confirmed = Order.objects.all(), Confirmation.objects.all()
    if book_id is not None:
        books, items = books.filter(pk=book_id), items.filter(book_id=book_id)
        orders = orders.filter(items__book_id=book_id).distinct()
        confirmed = confirmed.filter(order__items__book_id=book_id).distinct()
    held = books.order_by().aggregate(left=Sum("stock"), below=Count("pk", Q(stock__lt=0)))
    sold = items.aggregate(sold=Sum("quantity"))["sold"]
    left, taken = int(held["left"] or 0), int(sold or 0)
    return {
        "stock": left,
        "sold": taken,
        "stock_and_sold": left + taken,
        "books_below_zero": held["below"],
        "orders": orders.count(),
        "confirmed": confirmed.count(),
    }
