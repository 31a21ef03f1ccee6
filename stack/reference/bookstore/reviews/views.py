"""The page to write a review."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from books.models import Book
from reviews.forms import ReviewForm


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def write(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: the form. POST: save the review."""
    book = get_object_or_404(Book, pk=pk)
    form = ReviewForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.instance.book = book
        form.instance.user = request.user
        form.instance.written_on = timezone.localdate()
        form.save()
        return redirect(book)
    status = 400 if request.method == "POST" else 200
    return render(request, "reviews/write.html", {"book": book, "form": form}, status=status)
