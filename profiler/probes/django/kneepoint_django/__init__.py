"""kneepoint's probe for Django: the standard `Server-Timing` header, and nothing else.

Add `kneepoint_django.ServerTimingMiddleware` as the first middleware, or use the overlay for a
site that you cannot edit (`kneepoint_django.overlay`). `timed("engine")` measures a call that
leaves the process; its duration appears under that name in the header.
"""

from kneepoint_django.accounting import timed
from kneepoint_django.middleware import ServerTimingMiddleware

__all__ = ["ServerTimingMiddleware", "timed"]
