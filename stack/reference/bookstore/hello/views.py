"""The second site: small enough that the stack around it is all one sees."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from books.selectors import newest

_SHELF = 5


@transaction.non_atomic_requests
@require_safe
def hello(request: HttpRequest) -> HttpResponse:
    """A greeting; touches neither database nor session."""
    return render(request, "hello/hello.html", {"host": request.get_host()})


@require_safe
def shelf(request: HttpRequest) -> HttpResponse:
    """The newest books of the neighbour: one query to the database that both sites share."""
    return render(request, "hello/shelf.html", {"books": newest(_SHELF)})
