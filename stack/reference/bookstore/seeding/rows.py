"""The rows of the seed data as a pure function of size and seed: no clock, no database.

Sizes count books, authors, reviews and users. Keys are explicit, so that the same seed gives
the same rows in any database.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import User

from books.isbn import check_digit, printed
from books.models import Author, Book, Genre
from reviews.models import Review
from seeding import words
from seeding.draw import Draw

PASSWORD = "throw-away-reader"
ADMIN = "librarian"
COVERS = "covers"
JOINED = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
_FIRST_DAY = datetime.date(1950, 1, 1)
_DAYS = 27_000
_UNLIMITED_STOCK = 10_000_000
_GENRES = list(Genre.values)


@dataclass(frozen=True, slots=True)
class Size:
    """Number of rows per table."""

    books: int
    authors: int
    reviews: int
    users: int


SIZES = {
    "S": Size(500, 60, 2_500, 20),
    "M": Size(5_000, 500, 50_000, 200),
    "L": Size(50_000, 5_000, 500_000, 1_000),
}


def users(size: Size, password_hash: str) -> Iterator[User]:
    """`reader0001`, `reader0002`, …, and the administrator `librarian`, all with one password."""
    for key in range(1, size.users + 1):
        yield User(pk=key, username=f"reader{key:04}", password=password_hash, date_joined=JOINED)
    yield User(
        pk=size.users + 1,
        username=ADMIN,
        password=password_hash,
        date_joined=JOINED,
        is_staff=True,
        is_superuser=True,
    )


def authors(size: Size, seed: int) -> Iterator[Author]:
    """Authors, each with one line of biography."""
    draw = Draw(seed, "authors")
    for key in range(1, size.authors + 1):
        name = draw.fill("{first} {last}")
        life = draw.prose("Born in {place}; worked as a {noun} before writing the first book.")
        yield Author(pk=key, name=name, biography=life)


def books(size: Size, seed: int) -> Iterator[Book]:
    """Books; one in fifty has few copies, the others never run out under load."""
    draw = Draw(seed, "books")
    for key in range(1, size.books + 1):
        isbn13 = _isbn13(key)
        genre = draw.choose(_GENRES)
        yield Book(
            pk=key,
            title=draw.fill(draw.choose(words.TITLES)),
            author_id=1 + draw.skewed(size.authors),
            publication_date=_FIRST_DAY + datetime.timedelta(days=draw.below(_DAYS)),
            isbn=printed(isbn13),
            isbn13=isbn13,
            summary=_summary(draw, genre),
            genre=genre,
            price=Decimal(499 + 50 * draw.below(60)) / 100,
            stock=draw.below(20) if key % 50 == 0 else _UNLIMITED_STOCK,
            cover=f"{COVERS}/{key}.svg",
        )


def reviews(size: Size, seed: int) -> Iterator[Review]:
    """Reviews, more of them for books with low ids."""
    draw = Draw(seed, "reviews")
    for key in range(1, size.reviews + 1):
        yield Review(
            pk=key,
            book_id=1 + draw.skewed(size.books),
            user_id=1 + draw.below(size.users),
            rating=5 - draw.skewed(5),
            text=f"{draw.prose(draw.choose(words.OPINIONS))} {draw.choose(words.AFTERTHOUGHTS)}",
            written_on=JOINED.date() + datetime.timedelta(days=draw.below(365)),
        )


def _isbn13(key: int) -> str:
    """A valid, unique ISBN for each key; the multiplier scatters successive keys."""
    twelve = f"9781{key * 48_271 % 99_999_989:08}"
    return twelve + check_digit(twelve)


def _summary(draw: Draw, genre: str) -> str:
    """Four or five sentences."""
    middles = [draw.prose(draw.choose(words.MIDDLES)) for _ in range(2 + draw.below(2))]
    opening = draw.prose(draw.choose(words.OPENINGS))
    return " ".join([opening, *middles, draw.prose(words.ENDINGS[genre])])
