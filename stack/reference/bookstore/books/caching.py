"""`cache_page` on the public pages, by `KP_CACHE_PAGE`.

The decorator by itself is unsafe on a page that shows who is logged in: it stores the page
before the session middleware adds `Vary: Cookie`, so the next user sees the name of the first.
Therefore only users without a session get cached pages; the fault `unsafe_cache` (or
`KP_CACHE_PAGE_ANON=0`) removes that protection.
"""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_page

from bookstore.faults import Fault, planted

View = Callable[..., HttpResponse]
_UNSAFE_SECONDS = 60


def public_page(view: View) -> View:
    """Cache `view` for anonymous users, or for all users, as the settings say."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        unsafe = planted(Fault.UNSAFE_CACHE)
        seconds = settings.CACHE_PAGE_SECONDS or (_UNSAFE_SECONDS if unsafe else 0)
        guarded = settings.CACHE_PAGE_ANONYMOUS_ONLY and not unsafe
        personal = guarded and settings.SESSION_COOKIE_NAME in request.COOKIES
        if not seconds or personal:
            return view(request, *args, **kwargs)
        return cache_page(seconds)(view)(request, *args, **kwargs)

    return wrapper
