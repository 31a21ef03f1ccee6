"""Orders and their lines."""

from django.conf import settings
from django.db import models
from django.urls import reverse

from books.models import Book


class Order(models.Model):
    """One purchase; `user` is empty for a guest, whose session then holds the order's id."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="orders", null=True
    )
    created_at = models.DateTimeField(auto_now_add=True)
    total = models.DecimalField(max_digits=10, decimal_places=2, default=0)

    def __str__(self) -> str:
        return f"order {self.pk}"

    def get_absolute_url(self) -> str:
        """URL of the order's page."""
        return reverse("order", args=[self.pk])


class Confirmation(models.Model):
    """A sent confirmation; at most one per order, even if the queue delivers the task twice."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE, primary_key=True)
    sent_at = models.DateTimeField(auto_now_add=True)
    sent_by = models.CharField(max_length=10)
    size = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"confirmation of order {self.order_id} by {self.sent_by}"


class OrderItem(models.Model):
    """A number of copies of one book, at the price when it was bought."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="items")
    book = models.ForeignKey(Book, on_delete=models.PROTECT)
    quantity = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=8, decimal_places=2)

    def __str__(self) -> str:
        return f"{self.quantity} × book {self.book_id}"
