"""The reader's own page; login and logout are Django's."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

_SHOWN = 20


@never_cache
@login_required
@require_safe
def profile(request: HttpRequest) -> HttpResponse:
    """Who is logged in, and what they ordered."""
    orders = request.user.orders.order_by("-pk")[:_SHOWN]
    return render(request, "accounts/profile.html", {"orders": orders})
