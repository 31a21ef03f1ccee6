"""`/healthz/stock`: the sums for the stock consistency check: stock + sold stays the same.

Only with `KP_AUDIT=1`, on temporary stacks: it reads whole tables.
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
    """Sums over all books, over one with `?book=`, or over those with an id up to `?newest=`.

    All sums belong to the same moment. Books can be created and deleted by the API while others
    are bought: to compare two moments, pass the `newest` of the first to the second request.
    """
    if not settings.AUDIT:
        raise Http404("KP_AUDIT is off")
    requested = {key: request.GET[key] for key in ("book", "newest") if request.GET.get(key)}
    for key, value in requested.items():
        if not (value.isascii() and value.isdigit() and len(value) < 19):
            return JsonResponse({"error": f"{key} is not a number"}, status=400)
    lookup = {_LOOKUPS[key]: int(value) for key, value in requested.items()}
    with _consistent_snapshot():
        return JsonResponse(_compute_sums(lookup))


# Parameter -> suffix of the lookup on book keys, and with a prefix on foreign keys to books.
_LOOKUPS = {"book": "", "newest": "__lte"}


@contextmanager
def _consistent_snapshot() -> Iterator[None]:
    """A transaction that sees one committed state at any `KP_ISOLATION`, and locks nothing.

    On MySQL only REPEATABLE READ does this: READ COMMITTED takes a new snapshot per statement,
    and SERIALIZABLE would lock every book. On SQLite any transaction does, by the write-ahead
    log.
    """
    with transaction.atomic():
        if connection.vendor == "mysql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _compute_sums(lookups: dict[str, int]) -> dict[str, int]:
    """Copies in stock and sold, books below zero, orders, confirmed orders, and the highest id."""

    def condition(prefix: str) -> Q:
        return Q(**{f"{prefix}{lookup}": value for lookup, value in lookups.items()})

    books = Book.objects.filter(condition("pk"))
    items = OrderItem.objects.filter(condition("book_id"))
    orders, confirmed = Order.objects.all(), Confirmation.objects.all()
    if lookups:
        orders = orders.filter(condition("items__book_id")).distinct()
        confirmed = confirmed.filter(condition("order__items__book_id")).distinct()
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
