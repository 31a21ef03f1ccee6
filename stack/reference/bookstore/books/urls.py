"""URLs of the book pages and of the site map."""

from django.contrib.sitemaps import views as sitemap_views
from django.urls import path

from books import views
from books.sitemaps import SITEMAPS

urlpatterns = [
    path("", views.home, name="home"),
    path("catalogue/", views.catalogue, name="catalogue"),
    path("books/<int:pk>/", views.book, name="book"),
    path("authors/<int:pk>/", views.author, name="author"),
    path("isbn/<str:isbn>/", views.isbn, name="isbn"),
    path(
        "sitemap.xml",
        sitemap_views.index,
        {"sitemaps": SITEMAPS, "sitemap_url_name": "sitemap-section"},
        name="sitemap",
    ),
    path(
        "sitemap-<section>.xml",
        sitemap_views.sitemap,
        {"sitemaps": SITEMAPS},
        name="sitemap-section",
    ),
]
