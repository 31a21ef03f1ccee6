"""Login and logout by the forms, with CSRF checks."""

import re

from django.contrib.auth.models import User
from django.test import Client, TestCase


class AccountTests(TestCase):
    """The requests of a browser."""

    def setUp(self) -> None:
        User.objects.create_user("ada", password="x")
        self.browser = Client(enforce_csrf_checks=True)

    def token(self, path: str) -> str:
        """The token in the form at `path`."""
        text = self.browser.get(path).content.decode()
        return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)[1]

    def test_login_and_logout(self) -> None:
        form = {"username": "ada", "password": "x"}
        form["csrfmiddlewaretoken"] = self.token("/accounts/login/")
        self.assertRedirects(self.browser.post("/accounts/login/", form), "/accounts/profile/")
        self.assertContains(self.browser.get("/"), ">ada<")
        out = {"csrfmiddlewaretoken": self.token("/accounts/profile/")}
        self.assertRedirects(self.browser.post("/accounts/logout/", out), "/")
        self.assertNotContains(self.browser.get("/"), ">ada<")

    def test_login_without_token_is_refused(self) -> None:
        form = {"username": "ada", "password": "x"}
        self.assertEqual(self.browser.post("/accounts/login/", form).status_code, 403)

    def test_a_wrong_password_does_not_log_in(self) -> None:
        form = {"username": "ada", "password": "y"}
        form["csrfmiddlewaretoken"] = self.token("/accounts/login/")
        self.assertContains(self.browser.post("/accounts/login/", form), "correct username")
        self.assertEqual(self.browser.get("/accounts/profile/").status_code, 302)
