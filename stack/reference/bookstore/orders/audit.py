"""`/healthz/stock`: what an invariant is checked with: stock + sold stays the same, whatever load.

Only where `KP_AUDIT=1` says that the stack is thrown away: it reads whole tables.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Max, Q, Sum
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from books.models import Book
from orders.models import Confirmation, Order, OrderItem


@transaction.non_atomic_requests
@never_cache
@require_safe
def stock(request: HttpRequest) -> JsonResponse:
    """Sums over all books, over one with `?book=`, or over those that `?newest=` is not older than.

    All of one and the same moment. Books come and go by the API while others are bought: who
    compares two moments asks the second time with the `newest` of the first.
    """
    if not settings.AUDIT:
        raise Http404("KP_AUDIT is off")
    asked = {key: request.GET[key] for key in ("book", "newest") if request.GET.get(key)}
    for key, value in asked.items():
        if not (value.isascii() and value.isdigit() and len(value) < 19):
            return JsonResponse({"error": f"{key} is not a number"}, status=400)
    lookup = {_LOOKUPS[key]: int(value) for key, value in asked.items()}
    with _one_moment():
        return JsonResponse(_sums(lookup))


# What is asked -> the lookup, which holds for the keys of books, and with a prefix for what points at them.
_LOOKUPS = {"book": "", "newest": "__lte"}


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


def _sums(lookups: dict[str, int]) -> dict[str, int]:
    """How many copies there are and were sold, books below zero, orders, those confirmed, the newest."""

    def of(prefix: str) -> Q:
        return Q(**{f"{prefix}{lookup}": value for lookup, value in lookups.items()})

    books, items = Book.objects.filter(of("pk")), OrderItem.objects.filter(of("book_id"))
    orders, confirmed = Order.objects.all(), Confirmation.objects.all()
    if lookups:
        orders = orders.filter(of("items__book_id")).distinct()
        confirmed = confirmed.filter(of("order__items__book_id")).distinct()
    held = books.order_by().aggregate(
        left=Sum("stock"), below=Count("pk", Q(stock__lt=0)), newest=Max("pk")
    )
    sold = items.aggregate(sold=Sum("quantity"))["sold"]
    left, taken = int(held["left"] or 0), int(sold or 0)
    return {
        "stock": left,
        "sold": taken,
        "stock_and_sold": left + taken,
        "books_below_zero": held["below"],
        "orders": orders.count(),
        "confirmed": confirmed.count(),
        "newest": held["newest"] or 0,
    }
