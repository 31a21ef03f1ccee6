"""`/search/?q=`: full-text search by the engine."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from search import engine
from search.similar import books_in_order

_LIMIT = 20
_LONGEST_QUERY = 200


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """The form and the books found, or a 503 page when the engine is unavailable."""
    query = request.GET.get("q", "").strip()[:_LONGEST_QUERY]
    if not query:
        return render(request, "search/search.html", {"query": ""})
    try:
        result = engine.search(query, _LIMIT)
    except engine.EngineUnavailable:
        response = render(request, "search/away.html", {"query": query}, status=503)
        response["Retry-After"] = "5"
        return response
    books = books_in_order(result.ids)
    context = {"query": query, "answer": result, "books": books}
    return render(request, "search/search.html", context)
