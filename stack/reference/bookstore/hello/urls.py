"""The root URLs of the second site."""

from django.urls import path

from bookstore import health
from hello import views

urlpatterns = [
    path("", views.hello, name="home"),
    path("shelf/", views.shelf, name="shelf"),
    path("healthz", health.healthz, name="healthz"),
]
