"""The second site under its own URLs."""

import runpy
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.test import TestCase, override_settings
from django.test.utils import CaptureQueriesContext

from bookstore.testing import make_book


@override_settings(ROOT_URLCONF="hello.urls")
class HelloTests(TestCase):
    """One page without the database and one with it."""

    def test_the_greeting_queries_nothing(self) -> None:
        with self.assertNumQueries(0):
            response = self.client.get("/")
        self.assertContains(response, "This is the second site, at testserver")
        self.assertFalse(response.cookies)

    def test_the_shelf_is_one_query(self) -> None:
        for number in range(1, 8):
            make_book(number)
        with CaptureQueriesContext(connection) as captured:
            response = self.client.get("/shelf/")
        self.assertEqual(sum("SELECT" in query["sql"] for query in captured), 1)
        self.assertContains(response, "<li>", 5)
        self.assertContains(response, "Title 7 by Author 7")

    def test_both_host_names_are_allowed(self) -> None:
        for host in ("hello.kneepoint.test", "bookstore.kneepoint.test", "hello.localhost:8080"):
            response = self.client.get("/", headers={"host": host})
            self.assertContains(response, f"at {host}")
        with self.assertLogs("django.security", "ERROR"):
            refused = self.client.get("/", headers={"host": "else.test"})
        self.assertEqual(refused.status_code, 400)

    def test_settings_of_the_second_site(self) -> None:
        path = Path(settings.BASE_DIR, "bookstore", "settings_hello.py")
        own = runpy.run_path(str(path))
        self.assertEqual(own["ROOT_URLCONF"], "hello.urls")
        self.assertIn("books", own["INSTALLED_APPS"])
        self.assertNotIn("orders", own["INSTALLED_APPS"])
        self.assertEqual(own["DATABASES"].keys(), settings.DATABASES.keys())
