"""Orders and their lines."""

from django.conf import settings
from django.db import models
from django.urls import reverse

from books.models import Book


class Order(models.Model):
    """One purchase; `user` is empty for a guest, whose session then remembers it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="orders", null=True
    )
    created_at = models.DateTimeField(auto_now_add=True)
    total = models.DecimalField(max_digits=10, decimal_places=2, default=0)

    def __str__(self) -> str:
        return f"order {self.pk}"

    def get_absolute_url(self) -> str:
        """The confirmation."""
        return reverse("order", args=[self.pk])


class Confirmation(models.Model):
    """That the buyer was told; at most one an order, however often the queue hands it out."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE, primary_key=True)
    sent_at = models.DateTimeField(auto_now_add=True)
    sent_by = models.CharField(max_length=10)
    size = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"confirmation of order {self.order_id} by {self.sent_by}"


class OrderItem(models.Model):
    """So many of one book, at the price of that moment."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="items")
    book = models.ForeignKey(Book, on_delete=models.PROTECT)
    quantity = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=8, decimal_places=2)

    def __str__(self) -> str:
        return f"{self.quantity} × book {self.book_id}"
