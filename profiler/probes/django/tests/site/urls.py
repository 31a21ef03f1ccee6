"""Views with known costs."""

import asyncio

from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, re_path

from kneepoint_django import timed


def plain(request: HttpRequest, **captured: object) -> HttpResponse:
    """A response without queries."""
    return HttpResponse("plain")


def groups(request: HttpRequest) -> HttpResponse:
    """One query, and one more for each row, in the template."""
    return render(request, "groups.html", {"groups": Group.objects.order_by("pk")})


def literals(request: HttpRequest) -> HttpResponse:
    """Four statements that differ only in a literal."""
    with connection.cursor() as cursor:
        for number in range(4):
            cursor.execute(f"SELECT {number}, 'it''s {number}'")
    return HttpResponse()


@transaction.atomic
def atomic(request: HttpRequest) -> HttpResponse:
    """One query within a transaction."""
    Group.objects.exists()
    return HttpResponse()


def cached(request: HttpRequest) -> HttpResponse:
    """A miss; a miss with its default and then a hit; a hit and a miss."""
    cache.clear()
    assert cache.get("a", 7) == 7
    cache.get_or_set("b", 1)
    cache.get_many(["b", "c"])
    return HttpResponse()


def calls(request: HttpRequest) -> HttpResponse:
    """Two calls under a name that is not a valid token."""
    for _ in range(2):
        with timed('en"gine'):
            pass
    return HttpResponse()


def fails(request: HttpRequest) -> HttpResponse:
    """A failing view."""
    raise RuntimeError("the site's own fault")


async def awaits(request: HttpRequest) -> HttpResponse:
    """One query from an async view."""
    await asyncio.sleep(0.001)
    return HttpResponse(str(await Group.objects.acount()))


urlpatterns = [
    path("", plain),
    path("plain/<int:number>/", plain),
    re_path(r'^quoted/(?P<what>["\d]+)/$', plain),
    path("groups/", groups),
    path("literals/", literals),
    path("atomic/", atomic),
    path("cached/", cached),
    path("calls/", calls),
    path("fails/", fails),
    path("awaits/", awaits),
]
