"""From the book page to the order page, with the requests of a browser."""

import re
from unittest.mock import patch

from django.contrib.auth.models import User
from django.test import Client, TestCase

from books.models import Book
from bookstore.testing import make_book
from orders.models import Order
from orders.purchase import Busy


class CheckoutTests(TestCase):
    """Purchases by guests and logged-in users."""

    def setUp(self) -> None:
        self.book = make_book(stock=3)
        self.browser = Client(enforce_csrf_checks=True)

    def post(self, form_at: str, to: str, **fields):
        """Fetch the form, then send it with its token."""
        text = self.browser.get(form_at).content.decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)[1]
        return self.browser.post(to, {"csrfmiddlewaretoken": token, **fields})

    def fill(self, quantity: int = 1):
        """Add the book to the cart."""
        form_at = f"/cart/add/?book={self.book.pk}"
        return self.post(form_at, "/cart/add/", book=self.book.pk, quantity=quantity)

    def test_a_guest_buys(self) -> None:
        self.assertRedirects(self.fill(2), "/cart/")
        bought = self.post("/cart/", "/checkout/")
        order = Order.objects.get()
        self.assertRedirects(bought, f"/orders/{order.pk}/")
        self.assertEqual(Book.objects.get().stock, 1)
        self.assertContains(self.browser.get("/cart/"), "The cart is empty")
        self.assertEqual(Client().get(f"/orders/{order.pk}/").status_code, 404)

    def test_a_logged_in_user_finds_the_order_in_the_profile(self) -> None:
        user = User.objects.create_user("ada", password="x")
        self.browser.force_login(user)
        page = f"/books/{self.book.pk}/"
        self.post(page, "/cart/add/", book=self.book.pk)
        self.post("/checkout/", "/checkout/")
        order = Order.objects.get()
        self.assertEqual(order.user, user)
        self.assertContains(self.browser.get("/accounts/profile/"), f"/orders/{order.pk}/")

    def test_without_a_token_nothing_changes(self) -> None:
        response = self.browser.post("/cart/add/", {"book": self.book.pk})
        self.assertEqual(response.status_code, 403)
        self.fill()
        self.assertEqual(self.browser.post("/checkout/").status_code, 403)
        self.assertFalse(Order.objects.exists())

    def test_more_copies_than_in_stock(self) -> None:
        self.fill(9)
        refused = self.post("/cart/", "/checkout/")
        self.assertContains(refused, "Out of stock", status_code=409)
        self.assertEqual(Book.objects.get().stock, 3)

    def test_bad_requests(self) -> None:
        self.assertEqual(self.browser.get("/cart/add/").status_code, 400)
        self.assertEqual(self.browser.get("/cart/add/?book=999").status_code, 404)
        self.assertEqual(self.browser.get("/cart/add/?book=1e9").status_code, 400)

    def test_personal_pages_are_not_stored(self) -> None:
        for path in ("/cart/", "/checkout/", f"/cart/add/?book={self.book.pk}"):
            self.assertIn("no-store", self.browser.get(path)["Cache-Control"], path)


class BuyNowTests(TestCase):
    """One book, bought without the cart, as in tests with one hot row."""

    def setUp(self) -> None:
        self.book = make_book(stock=1)
        self.browser = Client(enforce_csrf_checks=True)
        self.path = f"/buy/{self.book.pk}/"

    def buy(self):
        """Fetch the form, then buy."""
        text = self.browser.get(self.path).content.decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)[1]
        return self.browser.post(self.path, {"csrfmiddlewaretoken": token})

    def test_the_last_copy_and_then_none(self) -> None:
        bought = self.buy()
        order = Order.objects.get()
        self.assertRedirects(bought, f"/orders/{order.pk}/")
        self.assertEqual((order.items.get().quantity, Book.objects.get().stock), (1, 0))
        refused = self.buy()
        self.assertContains(refused, "Out of stock", status_code=409)
        self.assertEqual(Order.objects.count(), 1)

    def test_too_many_conflicts_are_503(self) -> None:
        with patch("orders.views.purchase", side_effect=Busy):
            refused = self.buy()
        self.assertContains(refused, "Too many buyers", status_code=503)
        self.assertEqual(refused["Retry-After"], "1")

    def test_without_token_nothing_is_bought(self) -> None:
        self.assertEqual(self.browser.post(self.path).status_code, 403)
        self.assertFalse(Order.objects.exists())

    def test_no_such_book(self) -> None:
        self.assertEqual(self.browser.get("/buy/999/").status_code, 404)
        trusting = Client()
        self.assertEqual(trusting.post("/buy/999/").status_code, 409)
