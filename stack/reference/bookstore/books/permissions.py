"""The permission to change books by the API."""

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework import permissions
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView


class OpenWritesOrAuthenticated(permissions.IsAuthenticatedOrReadOnly):
    """Everybody may read; writing needs a session, unless `KP_API_OPEN_WRITES` is on."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Whether the request is allowed."""
        return settings.API_OPEN_WRITES or super().has_permission(request, view)
