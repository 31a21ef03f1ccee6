"""Pages of a list: size by parameter up to a maximum, and a total that is cached."""

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

    `SELECT COUNT(*)` reads the whole table for a number that rarely changes. The fault
    `count_paging` counts again for each page.
    """

    @cached_property
    def count(self) -> int:
        """The number of rows, or the cached number."""
        if planted(Fault.COUNT_PAGING):
            return self.object_list.count()
        key = f"count:{self.object_list.model._meta.label_lower}"
        return cache.get_or_set(key, self.object_list.count, COUNT_SECONDS)


def page_size(request: HttpRequest) -> int:
    """`?page_size=`, at most `KP_PAGE_SIZE_MAX`; `KP_PAGE_SIZE` when it is missing or invalid."""
    size = request.GET.get("page_size", "")
    if not (size.isascii() and size.isdigit() and len(size) < 9 and int(size) > 0):
        return settings.PAGE_SIZE
    return min(int(size), settings.PAGE_SIZE_MAX)


def get_page(request: HttpRequest, rows: QuerySet) -> Page:
    """The requested page of an unfiltered list; one page with all rows with `no_pagination`."""
    if planted(Fault.NO_PAGINATION):
        everything = list(rows)
        return Paginator(everything, max(1, len(everything))).get_page(1)
    return CachedCountPaginator(rows, page_size(request)).get_page(request.GET.get("page"))
