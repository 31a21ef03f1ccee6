"""Cart, checkout and order pages. All are personal and must not be cached."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from books.models import Book
from orders import cart
from orders.forms import AddForm
from orders.models import Order
from orders.purchase import Busy, OutOfStock, purchase

_GUEST_ORDERS = "orders"
_MAX_GUEST_ORDERS = 20


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """GET `?book=`: the form with its token. POST: put the book into the cart."""
    form = AddForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        return render(request, "orders/bad_request.html", status=400)
    book = get_object_or_404(Book.objects.select_related("author"), pk=form.cleaned_data["book"])
    if request.method != "POST":
        return render(request, "orders/add.html", {"book": book})
    if not cart.add(request.session, book.pk, form.cleaned_data["quantity"] or 1):
        messages.error(request, "The cart is full.")
    return redirect("cart")


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The cart, with the form that buys it."""
    return render(request, "orders/cart.html", _summary(request))


@transaction.non_atomic_requests
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request: HttpRequest) -> HttpResponse:
    """GET: the cart and the button. POST: buy, in a transaction that can be retried."""
    if request.method != "POST":
        return render(request, "orders/checkout.html", _summary(request))
    wanted = cart.contents(request.session)
    if not wanted:
        messages.error(request, "The cart is empty.")
        return redirect("cart")
    try:
        bought = purchase(request.user.pk, wanted)
    except (OutOfStock, Busy) as refusal:
        return _render_refusal(request, refusal)
    cart.clear(request.session)
    return _redirect_to_order(request, bought)


@transaction.non_atomic_requests
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def buy(request: HttpRequest, pk: int) -> HttpResponse:
    """One book without the cart. GET: the form with its token. POST: buy one copy."""
    if request.method != "POST":
        book = get_object_or_404(Book.objects.select_related("author"), pk=pk)
        return render(request, "orders/buy.html", {"book": book})
    try:
        bought = purchase(request.user.pk, {pk: 1})
    except (OutOfStock, Busy) as refusal:
        return _render_refusal(request, refusal)
    return _redirect_to_order(request, bought)


@never_cache
@require_safe
def order(request: HttpRequest, pk: int) -> HttpResponse:
    """The order, only for its buyer."""
    found = get_object_or_404(Order.objects.select_related("confirmation"), pk=pk)
    own = found.user_id is not None and found.user_id == request.user.pk
    if not own and pk not in request.session.get(_GUEST_ORDERS, []):
        raise Http404("no such order")
    items = found.items.select_related("book__author").order_by("pk")
    return render(request, "orders/order.html", {"order": found, "items": items})


def _redirect_to_order(request: HttpRequest, bought: Order) -> HttpResponse:
    """Redirect to the order; the session of a guest holds the order's id."""
    if bought.user_id is None:
        earlier = request.session.get(_GUEST_ORDERS, [])[-_MAX_GUEST_ORDERS:]
        request.session[_GUEST_ORDERS] = [*earlier, bought.pk]
    return redirect(bought)


def _render_refusal(request: HttpRequest, refusal: OutOfStock | Busy) -> HttpResponse:
    """409 when sold out, 503 after too many conflicts with other purchases."""
    if isinstance(refusal, Busy):
        response = render(request, "orders/busy.html", status=503)
        response["Retry-After"] = "1"
        return response
    context = {"book": Book.objects.filter(pk=refusal.book_id).first()}
    return render(request, "orders/out_of_stock.html", context, status=409)


def _summary(request: HttpRequest) -> dict[str, object]:
    """The lines of the cart and their total price."""
    lines = cart.lines(request.session)
    return {"lines": lines, "total": sum(line.total for line in lines)}
