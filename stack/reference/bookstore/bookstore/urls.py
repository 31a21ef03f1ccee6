"""The URLs of the bookstore."""

from django.contrib import admin
from django.urls import include, path

from bookstore import health, media, robots

urlpatterns = [
    path("", include("books.urls")),
    path("", include("reviews.urls")),
    path("", include("search.urls")),
    path("", include("orders.urls")),
    path("api/", include("books.api_urls")),
    path("accounts/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("media/<path:path>", media.media, name="media"),
    path("healthz", health.healthz, name="healthz"),
    path("robots.txt", robots.robots_txt, name="robots"),
]
