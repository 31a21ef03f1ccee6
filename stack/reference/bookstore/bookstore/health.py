"""`/healthz`: checks that the process runs and its database responds."""

from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@transaction.non_atomic_requests
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Run one query; 200 with `{"status": "ok"}`, or 503 when the database does not respond."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError:
        return JsonResponse({"status": "no database", "db": connection.vendor}, status=503)
    return JsonResponse({"status": "ok", "db": connection.vendor})
