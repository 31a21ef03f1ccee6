"""URLs of cart and orders."""

from django.urls import path

from orders import audit, views

urlpatterns = [
    path("buy/<int:pk>/", views.buy, name="buy"),
    path("cart/", views.show, name="cart"),
    path("cart/add/", views.add, name="cart-add"),
    path("checkout/", views.checkout, name="checkout"),
    path("healthz/stock", audit.stock, name="stock-audit"),
    path("orders/<int:pk>/", views.order, name="order"),
]
