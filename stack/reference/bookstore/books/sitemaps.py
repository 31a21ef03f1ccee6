"""`/sitemap.xml`: an index of files that list the pages a visitor may find."""

from django.contrib.sitemaps import Sitemap
from django.db.models import QuerySet
from django.urls import reverse

from books.models import Author, Book
from bookstore.reading import replica


class PageSitemap(Sitemap):
    """The pages that are not rows."""

    def items(self) -> list[str]:
        """Names of the URLs."""
        return ["home", "catalogue"]

    def location(self, item: str) -> str:
        """The URL by its name."""
        return reverse(item)


class BookSitemap(Sitemap):
    """All books, a thousand a file."""

    limit = 1000

    def items(self) -> QuerySet[Book]:
        """Only the keys are read."""
        return Book.objects.using(replica()).only("pk").order_by("pk")


class AuthorSitemap(Sitemap):
    """All authors, a thousand a file."""

    limit = 1000

    def items(self) -> QuerySet[Author]:
        """Only the keys are read."""
        return Author.objects.using(replica()).only("pk").order_by("pk")


SITEMAPS = {"pages": PageSitemap, "books": BookSitemap, "authors": AuthorSitemap}
