"""`/media/…` when nobody in front serves it: from disk, or fetched from the object store."""

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
    """One file, without touching database or session; 503 while the store is away."""
    response = _fetch(path) if settings.MEDIA_IN_STORE else _from_disk(request, path)
    if response.status_code < 400:
        patch_cache_control(response, public=True, max_age=MAX_AGE)
    return response


def _from_disk(request: HttpRequest, path: str) -> HttpResponseBase:
    """Django's own way, with `Last-Modified` and 304."""
    return serve(request, path, document_root=settings.MEDIA_ROOT)


def _fetch(path: str) -> HttpResponse:
    """Through the application: what an object store is meant to save, if only a proxy asks it."""
    from botocore.exceptions import BotoCoreError

    try:
        with default_storage.open(path) as file:
            body = file.read()
    except (FileNotFoundError, SuspiciousOperation) as error:
        raise Http404("no such file") from error
    except BotoCoreError:
        return HttpResponse("The store of media is away.", "text/plain", 503)
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return HttpResponse(body, content_type=kind)
