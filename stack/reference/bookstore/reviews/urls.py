"""URLs of the reviews."""

from django.urls import path

from reviews import views

urlpatterns = [path("books/<int:pk>/review/", views.write, name="review")]
