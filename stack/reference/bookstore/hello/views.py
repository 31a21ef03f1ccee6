"""The second site: so small that its load shows only the stack around it."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from books.selectors import newest

_SHELF = 5


@transaction.non_atomic_requests
@require_safe
def hello(request: HttpRequest) -> HttpResponse:
    """A greeting; uses neither database nor session."""
    return render(request, "hello/hello.html", {"host": request.get_host()})


@require_safe
def shelf(request: HttpRequest) -> HttpResponse:
    """The newest books of the bookstore: one query to the database that both sites share."""
    return render(request, "hello/shelf.html", {"books": newest(_SHELF)})
