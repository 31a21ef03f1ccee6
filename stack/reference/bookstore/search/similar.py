"""Similar books, for the page of a book."""

from books.models import Book
from bookstore.reading import replica
from search import engine

SHOWN = 6


def books_in_order(ids: list[int]) -> list[Book]:
    """The books with these keys in this order, in one query; unknown keys are left out."""
    if not ids:
        return []
    books = Book.objects.using(replica()).defer("summary")
    found = books.select_related("author").in_bulk(ids)
    return [found[key] for key in ids if key in found]


def similar_books(book: Book) -> list[Book] | None:
    """Up to `SHOWN` books, or `None` when the engine is unavailable."""
    try:
        ids = engine.similar(book.pk, SHOWN).ids
    except engine.EngineUnavailable:
        return None
    return books_in_order([key for key in ids if key != book.pk])
