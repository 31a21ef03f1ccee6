"""`KP_REPLICA`: read-only pages use the replica; writes, and pages that show them, do not."""

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connections
from django.test import Client, TransactionTestCase, override_settings
from django.test.utils import CaptureQueriesContext

from bookstore.faults import Fault
from bookstore.testing import make_book


@override_settings(READ_DATABASE="replica")
class ReplicaTests(TransactionTestCase):
    """A second connection to the same database is used as the replica."""

    @classmethod
    def setUpClass(cls) -> None:
        if "replica" not in connections.settings:
            default = connections.settings["default"]
            test = {**default["TEST"], "MIRROR": "default"}
            entry = {**default, "ATOMIC_REQUESTS": False, "TEST": test}
            connections.settings["replica"] = entry
            cls.addClassCleanup(cls.remove_replica)
        # Not a class attribute: the test runner checks it before the replica exists.
        cls.databases = {"default", "replica"}
        super().setUpClass()

    @classmethod
    def remove_replica(cls) -> None:
        """Remove the replica from the settings."""
        connections["replica"].close()
        del connections["replica"]
        del connections.settings["replica"]

    def setUp(self) -> None:
        cache.clear()
        self.book = make_book()
        self.user = User.objects.create_user("ada", password="x")

    def tables(self, path: str, browser: Client | None = None) -> dict[str, bool]:
        """By alias: whether the page reads from the bookstore's tables there."""
        with (
            CaptureQueriesContext(connections["default"]) as default,
            CaptureQueriesContext(connections["replica"]) as replica,
        ):
            self.assertIn((browser or Client()).get(path).status_code, (200, 302))
        reads = {"default": default, "replica": replica}
        own = ("books_", "reviews_", "orders_")
        return {
            alias: any(table in query["sql"] for query in queries for table in own)
            for alias, queries in reads.items()
        }

    def test_read_only_pages_use_only_the_replica(self) -> None:
        pages = [
            "/",
            "/catalogue/",
            self.book.get_absolute_url(),
            f"/authors/{self.book.author_id}/",
            f"/isbn/{self.book.isbn}/",
            "/api/books/",
            f"/api/books/{self.book.pk}/",
            "/sitemap-books.xml",
        ]
        for page in pages:
            self.assertEqual(self.tables(page), {"default": False, "replica": True}, page)

    def test_queries_of_planted_faults_use_the_replica_too(self) -> None:
        with override_settings(FAULTS={Fault.N_PLUS_ONE, Fault.N_PLUS_ONE_REVIEWS}):
            self.assertEqual(self.tables("/catalogue/"), {"default": False, "replica": True})

    def test_data_that_a_user_wrote_is_read_from_the_default_database(self) -> None:
        browser = Client()
        browser.force_login(self.user)
        bought = browser.post(f"/buy/{self.book.pk}/")
        for page in (bought["Location"], "/accounts/profile/", f"/buy/{self.book.pk}/"):
            self.assertEqual(self.tables(page, browser)["replica"], False, page)

    @override_settings(API_OPEN_WRITES=True)
    def test_the_api_writes_to_the_default_database(self) -> None:
        with CaptureQueriesContext(connections["replica"]) as replica:
            path = f"/api/books/{self.book.pk}/"
            self.client.patch(path, {"title": "Newer"}, "application/json")
        self.assertFalse(len(replica))
        self.book.refresh_from_db()
        self.assertEqual(self.book.title, "Newer")
