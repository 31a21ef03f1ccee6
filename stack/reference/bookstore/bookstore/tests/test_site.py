"""Health, robots, the planted cookie, and the transaction mode of SQLite."""

from unittest import skipUnless
from unittest.mock import patch

from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory, TestCase, override_settings

from bookstore.faults import Fault
from bookstore.middleware import SqliteWriteLockMiddleware


class SiteTests(TestCase):
    """Pages that belong to no app."""

    def test_healthz_queries_the_database_once(self) -> None:
        with self.assertNumQueries(1):
            response = self.client.get("/healthz")
        self.assertEqual(response.json()["status"], "ok")

    def test_healthz_without_database(self) -> None:
        with patch.object(connection, "cursor", side_effect=DatabaseError):
            response = self.client.get("/healthz")
        self.assertEqual(response.status_code, 503)

    def test_robots(self) -> None:
        text = self.client.get("/robots.txt").content.decode()
        self.assertIn("Disallow: /admin/", text)
        self.assertIn("Sitemap: http://testserver/sitemap.xml", text)

    def test_public_pages_set_no_cookie(self) -> None:
        for path in ("/", "/catalogue/", "/search/"):
            self.assertFalse(self.client.get(path).cookies, path)

    def test_the_planted_cookie(self) -> None:
        with override_settings(FAULTS={Fault.COOKIE_DEFEATS_CACHE}):
            self.assertIn("visit", Client().get("/").cookies)

    def test_missing_page(self) -> None:
        self.assertContains(self.client.get("/nowhere/"), "Not found", status_code=404)


@skipUnless(connection.vendor == "sqlite", "only SQLite has transaction modes")
class WriteLockTests(TestCase):
    """Writes begin IMMEDIATE, reads do not."""

    def test_mode_by_method(self) -> None:
        modes = []

        def view(request) -> HttpResponse:
            modes.append(connection.transaction_mode)
            return HttpResponse()

        middleware = SqliteWriteLockMiddleware(view)
        middleware(RequestFactory().get("/"))
        middleware(RequestFactory().post("/"))
        self.assertEqual(modes, [None, "IMMEDIATE"])
        self.assertIsNone(connection.transaction_mode)
