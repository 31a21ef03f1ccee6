"""`/robots.txt`: keep crawlers away from forms, accounts and the administration."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

_DISALLOWED = ["/admin/", "/accounts/", "/buy/", "/cart/", "/checkout/", "/orders/"]


@require_safe
def robots_txt(request: HttpRequest) -> HttpResponse:
    """The disallowed paths, and the URL of the site map."""
    rules = "".join(f"Disallow: {path}\n" for path in _DISALLOWED)
    sitemap = request.build_absolute_uri(reverse("sitemap"))
    return HttpResponse(
        f"User-agent: *\n{rules}\nSitemap: {sitemap}\n", content_type="text/plain; charset=utf-8"
    )
