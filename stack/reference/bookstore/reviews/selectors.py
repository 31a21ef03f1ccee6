"""The queries for reviews."""

from dataclasses import dataclass

from django.db.models import Avg, Count, QuerySet

from books.models import Book
from bookstore.faults import Fault, planted
from bookstore.reading import replica
from reviews.models import Review

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Rated:
    """A book with the number and mean rating of its reviews."""

    book: Book
    reviews: int
    rating: float | None


def newest_reviews(book: Book) -> QuerySet[Review]:
    """The newest reviews with their authors; one more query each with `n_plus_one_reviews`."""
    reviews = Review.objects.using(replica()).filter(book=book)
    if not planted(Fault.N_PLUS_ONE_REVIEWS):
        reviews = reviews.select_related("user")
    return reviews[:SHOWN]


def rate(books: list[Book]) -> list[Rated]:
    """The books with count and mean of their reviews: one query, or one per book when planted."""
    if planted(Fault.N_PLUS_ONE_REVIEWS):
        return [_rate_one_book(book) for book in books]
    found = {
        row["book_id"]: row
        for row in Review.objects.using(replica())
        .filter(book_id__in=[book.pk for book in books])
        .order_by()
        .values("book_id")
        .annotate(reviews=Count("id"), rating=Avg("rating"))
    }
    nothing = {"reviews": 0, "rating": None}
    rows = [(book, found.get(book.pk, nothing)) for book in books]
    return [Rated(book, row["reviews"], row["rating"]) for book, row in rows]


def _rate_one_book(book: Book) -> Rated:
    """The fault: one query per book instead of one for the whole page."""
    row = book.reviews.aggregate(reviews=Count("id"), rating=Avg("rating"))
    return Rated(book, row["reviews"], row["rating"])
