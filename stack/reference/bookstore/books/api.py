"""`/api/books/`: the tutorial's `ModelViewSet`, with pages and with access control for writes."""

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet
from rest_framework import permissions, viewsets
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request

from books.models import Book
from books.paging import CachedCountPaginator
from books.permissions import OpenWritesOrAuthenticated
from books.serializers import BookSerializer
from bookstore.faults import Fault, planted
from bookstore.reading import replica


class BookPages(PageNumberPagination):
    """`?page=` and `?page_size=`, with the same maximum as the catalogue."""

    page_size_query_param = "page_size"
    django_paginator_class = CachedCountPaginator

    def get_page_size(self, request: Request) -> int:
        """The requested size up to the maximum; reads the settings per request, for tests."""
        self.page_size = settings.PAGE_SIZE
        self.max_page_size = settings.PAGE_SIZE_MAX
        return super().get_page_size(request)


class BookViewSet(viewsets.ModelViewSet):
    """List, create, read, change and delete books."""

    serializer_class = BookSerializer
    permission_classes = [OpenWritesOrAuthenticated]

    def get_queryset(self) -> QuerySet[Book]:
        """Books with authors, unless `n_plus_one` is planted; writes use the default database."""
        reading = self.request.method in permissions.SAFE_METHODS
        books = Book.objects.using(replica() if reading else DEFAULT_DB_ALIAS)
        return books if planted(Fault.N_PLUS_ONE) else books.select_related("author")

    @property
    def paginator(self) -> BookPages | None:
        """`None` with the fault `no_pagination`: the list is not split into pages."""
        if planted(Fault.NO_PAGINATION):
            return None
        if not hasattr(self, "_book_pages"):
            self._book_pages = BookPages()
        return self._book_pages
