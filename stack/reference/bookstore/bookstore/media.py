"""`/media/…` when no proxy serves it: from disk, or fetched from the object store."""

import mimetypes

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import default_storage
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe
from django.views.static import serve

MAX_AGE = 3600


@transaction.non_atomic_requests
@require_safe
def media(request: HttpRequest, path: str) -> HttpResponseBase:
    """Serve one file without database or session; 503 while the store is unavailable."""
    in_store = settings.MEDIA_IN_STORE
    response = _serve_from_store(path) if in_store else _serve_from_disk(request, path)
    if response.status_code < 400:
        patch_cache_control(response, public=True, max_age=MAX_AGE)
    return response


def _serve_from_disk(request: HttpRequest, path: str) -> HttpResponseBase:
    """Serve a file by Django's own view, with `Last-Modified` and 304."""
    return serve(request, path, document_root=settings.MEDIA_ROOT)


def _serve_from_store(path: str) -> HttpResponse:
    """Fetch the object and pass it on; a proxy in front saves the application this work."""
    from botocore.exceptions import BotoCoreError

    try:
        with default_storage.open(path) as file:
            body = file.read()
    except (FileNotFoundError, SuspiciousOperation) as error:
        raise Http404("no such file") from error
    except BotoCoreError:
        return HttpResponse("The media store is unavailable.", "text/plain", 503)
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return HttpResponse(body, content_type=kind)
