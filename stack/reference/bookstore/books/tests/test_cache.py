"""Each cache of pages, with two logged-in users and an anonymous user, in every order.

No user may see the name or the token of another, whatever is cached.
"""

import re
from itertools import permutations

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client, TestCase, override_settings
from django.test.utils import CaptureQueriesContext

from bookstore.faults import Fault
from bookstore.testing import make_book, settings_with

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
_NAMES = ("ada", "bob", None)


def site_wide() -> dict:
    """The settings that `KP_CACHE_SITE=60` changes."""
    made = settings_with(KP_CACHE_SITE="60")
    return {name: made[name] for name in ("MIDDLEWARE", "CACHE_MIDDLEWARE_SECONDS")}


class PersonalTests(TestCase):
    """The variants of caching, each with all orders of users and every public page."""

    def setUp(self) -> None:
        self.book = make_book()
        self.pages = [
            "/",
            "/catalogue/",
            f"/books/{self.book.pk}/",
            f"/authors/{self.book.author_id}/",
        ]
        for name in ("ada", "bob"):
            User.objects.create_user(name, password="x")

    def browser(self, name: str | None) -> Client:
        """A new client, logged in unless `name` is `None`."""
        client = Client(enforce_csrf_checks=True)
        if name:
            client.force_login(User.objects.get(username=name))
        return client

    def check_no_leaks(self) -> None:
        """Two rounds of all users over all pages, in every order; the second may be cached."""
        for order in permutations(_NAMES):
            cache.clear()
            browsers = {name: self.browser(name) for name in order}
            for _ in range(2):
                for page in self.pages:
                    for name in order:
                        self.check_page(browsers[name], page, name)

    def check_page(self, browser: Client, page: str, name: str | None) -> None:
        """Check that one page contains no name of another user."""
        text = browser.get(page).content.decode()
        for other in ("ada", "bob"):
            self.assertEqual(f">{other}<" in text, other == name, f"{page} of {name}")
        tokens = _TOKEN.findall(text)
        own = name is not None and page.startswith("/books/")
        self.assertEqual(len(tokens), 1 if own else 0, f"{page} of {name}")
        for token in tokens:
            form = {"csrfmiddlewaretoken": token, "book": self.book.pk}
            self.assertEqual(browser.post("/cart/add/", form).status_code, 302, page)

    def test_without_cache(self) -> None:
        self.check_no_leaks()

    @override_settings(CACHE_PAGE_SECONDS=60)
    def test_cache_page_for_anonymous_users_only(self) -> None:
        self.check_no_leaks()

    def test_site_wide_cache(self) -> None:
        with override_settings(**site_wide()):
            self.check_no_leaks()

    def test_cache_page_and_site_wide_cache(self) -> None:
        with override_settings(CACHE_PAGE_SECONDS=60, **site_wide()):
            self.check_no_leaks()

    @override_settings(CACHE_PAGE_SECONDS=60)
    def test_cache_page_with_sessions_in_cookies(self) -> None:
        engine = settings_with(KP_SESSIONS="signed_cookies")["SESSION_ENGINE"]
        with override_settings(SESSION_ENGINE=engine):
            self.check_no_leaks()

    @override_settings(CACHE_PAGE_SECONDS=60)
    def test_a_token_of_another_user_is_refused(self) -> None:
        ada, bob = self.browser("ada"), self.browser("bob")
        page = self.pages[2]
        token = _TOKEN.search(ada.get(page).content.decode())[1]
        bob.get(page)
        form = {"csrfmiddlewaretoken": token, "book": self.book.pk}
        self.assertEqual(bob.post("/cart/add/", form).status_code, 403)

    def test_the_unsafe_variants_leak(self) -> None:
        for unsafe in (
            {"FAULTS": {Fault.UNSAFE_CACHE}},
            {"CACHE_PAGE_SECONDS": 60, "CACHE_PAGE_ANONYMOUS_ONLY": False},
        ):
            cache.clear()
            with override_settings(**unsafe):
                self.browser("ada").get("/catalogue/")
                self.assertContains(self.browser(None).get("/catalogue/"), ">ada<")


class HitTests(TestCase):
    """Each cache reduces the statements of a second visit."""

    def setUp(self) -> None:
        cache.clear()
        make_book()

    def statements_of_second_visit(self) -> list[str]:
        """The statements of an anonymous user's second visit."""
        Client().get("/catalogue/")
        with CaptureQueriesContext(connection) as captured:
            Client().get("/catalogue/")
        return [query["sql"] for query in captured if "SELECT" in query["sql"]]

    def test_without_cache_each_visit_queries_the_database(self) -> None:
        self.assertTrue(self.statements_of_second_visit())

    @override_settings(CACHE_PAGE_SECONDS=60)
    def test_cache_page(self) -> None:
        self.assertFalse(self.statements_of_second_visit())

    def test_site_wide_cache(self) -> None:
        with override_settings(**site_wide()):
            self.assertFalse(self.statements_of_second_visit())
