"""The queries of the book pages, one function each."""

from django.db.models import QuerySet

from books.isbn import digits, printed
from books.models import Book
from bookstore.faults import Fault, planted
from bookstore.reading import replica


def catalogue() -> QuerySet[Book]:
    """All books, newest first, with their authors unless `n_plus_one` is planted."""
    books = Book.objects.using(replica()).defer("summary")
    return books if planted(Fault.N_PLUS_ONE) else books.select_related("author")


def newest(limit: int) -> QuerySet[Book]:
    """The newest books with their authors."""
    books = Book.objects.using(replica()).defer("summary")
    return books.select_related("author")[:limit]


def by_isbn(isbn: str) -> Book | None:
    """The book with this ISBN in either form; looked up without an index when planted."""
    key = digits(isbn)
    books = Book.objects.using(replica()).select_related("author").order_by("id")
    if planted(Fault.MISSING_INDEX):
        return books.filter(isbn=printed(key)).first()
    return books.filter(isbn13=key).first()
