"""`/sitemap.xml`: an index of files that list the public pages."""

from django.contrib.sitemaps import Sitemap
from django.db.models import QuerySet
from django.urls import reverse

from books.models import Author, Book
from bookstore.reading import replica


class PageSitemap(Sitemap):
    """The pages that do not belong to a row."""

    def items(self) -> list[str]:
        """The names of the URLs."""
        return ["home", "catalogue"]

    def location(self, item: str) -> str:
        """Resolve a name to its URL."""
        return reverse(item)


class BookSitemap(Sitemap):
    """All books, a thousand per file."""

    limit = 1000

    def items(self) -> QuerySet[Book]:
        """Read only the keys."""
        return Book.objects.using(replica()).only("pk").order_by("pk")


class AuthorSitemap(Sitemap):
    """All authors, a thousand per file."""

    limit = 1000

    def items(self) -> QuerySet[Author]:
        """Read only the keys."""
        return Author.objects.using(replica()).only("pk").order_by("pk")


SITEMAPS = {"pages": PageSitemap, "books": BookSitemap, "authors": AuthorSitemap}
