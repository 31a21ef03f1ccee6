"""The profile page; login and logout are Django's."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

_MAX_ORDERS = 20


@never_cache
@login_required
@require_safe
def profile(request: HttpRequest) -> HttpResponse:
    """Show the user's name and newest orders."""
    orders = request.user.orders.order_by("-pk")[:_MAX_ORDERS]
    return render(request, "accounts/profile.html", {"orders": orders})
