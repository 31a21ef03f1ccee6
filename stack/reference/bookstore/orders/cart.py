"""The cart: book keys and quantities, kept in the session."""

from dataclasses import dataclass
from decimal import Decimal

from django.contrib.sessions.backends.base import SessionBase

from books.models import Book

_KEY = "cart"
MAX_TITLES = 50
MAX_QUANTITY = 99


@dataclass(frozen=True, slots=True)
class CartLine:
    """One book in the cart."""

    book: Book
    quantity: int

    @property
    def total(self) -> Decimal:
        """Price times quantity."""
        return self.book.price * self.quantity


def contents(session: SessionBase) -> dict[int, int]:
    """Quantities by book key."""
    return {int(key): int(quantity) for key, quantity in session.get(_KEY, {}).items()}


def add(session: SessionBase, book_id: int, quantity: int) -> bool:
    """Add copies of a book; `False` when the cart already holds `MAX_TITLES` titles."""
    cart = contents(session)
    if book_id not in cart and len(cart) >= MAX_TITLES:
        return False
    cart[book_id] = min(cart.get(book_id, 0) + quantity, MAX_QUANTITY)
    session[_KEY] = {str(key): count for key, count in cart.items()}
    return True


def clear(session: SessionBase) -> None:
    """Remove all books."""
    session.pop(_KEY, None)


def lines(session: SessionBase) -> list[CartLine]:
    """The cart with its books, by key, in one query; deleted books are left out."""
    cart = contents(session)
    if not cart:
        return []
    books = Book.objects.defer("summary").select_related("author").in_bulk(list(cart))
    return [CartLine(books[key], cart[key]) for key in sorted(cart) if key in books]
