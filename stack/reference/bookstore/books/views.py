"""The HTML pages about books: home, catalogue, one book, one author, look-up by ISBN."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from books import selectors
from books.caching import public_page
from books.models import Author, Book
from books.paging import get_page
from bookstore.faults import Fault, planted
from bookstore.reading import replica
from reviews.selectors import rate, newest_reviews
from search.similar import similar_books

_HOME_BOOKS = 12
_AUTHOR_BOOKS = 100


@require_safe
@public_page
def home(request: HttpRequest) -> HttpResponse:
    """The front page: the newest books."""
    return render(request, "books/home.html", {"books": selectors.newest(_HOME_BOOKS)})


@require_safe
@public_page
def catalogue(request: HttpRequest) -> HttpResponse:
    """All books, newest first, in pages by `?page=` and `?page_size=`."""
    page = get_page(request, selectors.catalogue())
    rows = rate(list(page.object_list))
    context = {
        "page": page,
        "rows": rows,
        "page_size": request.GET.get("page_size", ""),
        "slow": planted(Fault.SLOW_TEMPLATE),
    }
    return render(request, "books/catalogue.html", context)


@require_safe
@public_page
def book(request: HttpRequest, pk: int) -> HttpResponse:
    """One book, its newest reviews, and similar books (from the engine)."""
    found = get_object_or_404(Book.objects.using(replica()).select_related("author"), pk=pk)
    context = {"book": found, "reviews": newest_reviews(found), "similar": similar_books(found)}
    return render(request, "books/book.html", context)


@require_safe
@public_page
def author(request: HttpRequest, pk: int) -> HttpResponse:
    """One author with their books."""
    found = get_object_or_404(Author.objects.using(replica()), pk=pk)
    books = found.books.defer("summary")[:_AUTHOR_BOOKS]
    return render(request, "books/author.html", {"author": found, "books": books})


@require_safe
def isbn(request: HttpRequest, isbn: str) -> HttpResponse:
    """Redirect to the book with this ISBN."""
    found = selectors.by_isbn(isbn)
    if found is None:
        raise Http404("no book has this ISBN")
    return redirect(found)
