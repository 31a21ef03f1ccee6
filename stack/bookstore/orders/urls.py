"""URLs of cart and orders."""

from django.urls import path

from orders import views

urlpatterns = [
    path("cart/", views.show, name="cart"),
    path("cart/add/", views.add, name="cart-add"),
    path("checkout/", views.checkout, name="checkout"),
    path("orders/<int:pk>/", views.order, name="order"),
]
