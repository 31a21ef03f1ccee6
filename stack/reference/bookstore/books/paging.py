"""Pages of a list: size by parameter up to a cap, and a total that is not counted each time."""

from functools import cached_property

from django.conf import settings
from django.core.cache import cache
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from bookstore.faults import Fault, planted

COUNT_SECONDS = 30


class CachedCountPaginator(Paginator):
    """A paginator whose total may be up to `COUNT_SECONDS` old.

    `SELECT COUNT(*)` reads the whole table for a number that hardly changes. The fault
    `count_paging` counts anew for each page.
    """

    @cached_property
    def count(self) -> int:
        """How many rows there are, or were a moment ago."""
        if planted(Fault.COUNT_PAGING):
            return self.object_list.count()
        key = f"count:{self.object_list.model._meta.label_lower}"
        return cache.get_or_set(key, self.object_list.count, COUNT_SECONDS)


def page_size(request: HttpRequest) -> int:
    """`?page_size=`, at most `KP_PAGE_SIZE_MAX`; without a sensible one `KP_PAGE_SIZE`."""
    asked = request.GET.get("page_size", "")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 9 and int(asked) > 0):
        return settings.PAGE_SIZE
    return min(int(asked), settings.PAGE_SIZE_MAX)


def page_of(request: HttpRequest, rows: QuerySet) -> Page:
    """The page of an unfiltered list that the request asks for; all on one with `no_pagination`."""
    if planted(Fault.NO_PAGINATION):
        everything = list(rows)
        return Paginator(everything, max(1, len(everything))).get_page(1)
    return CachedCountPaginator(rows, page_size(request)).get_page(request.GET.get("page"))
