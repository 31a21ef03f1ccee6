"""The book pages: their number of queries, with and without faults; the API."""

import re

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client, TestCase, override_settings
from django.test.utils import CaptureQueriesContext

from books.isbn import check_digit, digits, printed
from books.models import Book
from bookstore.faults import Fault
from bookstore.testing import make_book


class IsbnTests(TestCase):
    """The two forms of ISBNs."""

    def test_known_number(self) -> None:
        self.assertEqual(check_digit("978030640615"), "7")

    def test_round_trip(self) -> None:
        self.assertEqual(digits(printed("9780306406157")), "9780306406157")


class PageTests(TestCase):
    """Queries and content of the pages."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.books = [make_book(number) for number in range(1, 31)]

    def setUp(self) -> None:
        cache.clear()

    def queries(self, path: str) -> int:
        """The number of statements of one GET, without transaction statements."""
        with CaptureQueriesContext(
            connection,
        ) as captured:
            self.assertEqual(self.client.get(path).status_code, 200)
        return sum("SAVEPOINT" not in query["sql"] for query in captured)

    def test_home(self) -> None:
        self.assertEqual(self.queries("/"), 1)
        self.assertContains(self.client.get("/"), "Title 30")

    def test_catalogue_needs_the_same_queries_for_any_page_size(self) -> None:
        self.queries("/catalogue/")
        self.assertEqual(self.queries("/catalogue/?page_size=10"), 2)
        self.assertEqual(self.queries("/catalogue/?page_size=20"), 2)

    def test_n_plus_one_grows_with_the_page(self) -> None:
        self.queries("/catalogue/")
        with override_settings(FAULTS={Fault.N_PLUS_ONE}):
            self.assertEqual(self.queries("/catalogue/?page_size=10"), 12)
            self.assertEqual(self.queries("/catalogue/?page_size=20"), 22)
            api = self.queries("/api/books/?page_size=20") - self.queries(
                "/api/books/?page_size=10"
            )
            self.assertEqual(api, 10)

    def test_n_plus_one_reviews_grows_with_the_page(self) -> None:
        self.queries("/catalogue/")
        with override_settings(FAULTS={Fault.N_PLUS_ONE_REVIEWS}):
            self.assertEqual(self.queries("/catalogue/?page_size=10"), 11)
            self.assertEqual(self.queries("/catalogue/?page_size=20"), 21)

    def test_page_size_is_limited_to_the_maximum(self) -> None:
        for requested, rows in (("7", 7), ("999", 20), ("-1", 5), ("x", 5)):
            with override_settings(PAGE_SIZE=5, PAGE_SIZE_MAX=20):
                response = self.client.get(f"/catalogue/?page_size={requested}")
            self.assertEqual(response.content.count(b'class="book"'), rows, requested)

    def test_no_pagination(self) -> None:
        with override_settings(FAULTS={Fault.NO_PAGINATION}, PAGE_SIZE=5):
            response = self.client.get("/catalogue/")
            self.assertEqual(response.content.count(b'class="book"'), 30)
            self.assertEqual(len(self.client.get("/api/books/").json()), 30)

    def test_count_is_cached_unless_planted(self) -> None:
        self.assertEqual(self.queries("/catalogue/"), 3)
        self.assertEqual(self.queries("/catalogue/"), 2)
        with override_settings(FAULTS={Fault.COUNT_PAGING}):
            self.assertEqual(self.queries("/catalogue/"), 3)

    def test_slow_template_renders_the_same_rows(self) -> None:
        with override_settings(FAULTS={Fault.SLOW_TEMPLATE}, PAGE_SIZE=2):
            response = self.client.get("/catalogue/")
        self.assertContains(response, "badge", 2)

    def test_isbn_uses_the_index_unless_planted(self) -> None:
        path = f"/isbn/{self.books[3].isbn}/"
        with CaptureQueriesContext(connection) as healthy:
            self.assertEqual(self.client.get(path)["Location"], self.books[3].get_absolute_url())
        with (
            override_settings(FAULTS={Fault.MISSING_INDEX}),
            CaptureQueriesContext(connection) as planted,
        ):
            self.assertEqual(self.client.get(path).status_code, 302)
        self.assertTrue(any("isbn13" in query["sql"].split("WHERE")[-1] for query in healthy))
        self.assertFalse(any("isbn13" in query["sql"].split("WHERE")[-1] for query in planted))
        self.assertEqual(self.client.get("/isbn/000/").status_code, 404)

    def test_book_and_author(self) -> None:
        book = self.books[0]
        self.assertContains(self.client.get(f"/books/{book.pk}/"), "Similar books are not")
        self.assertContains(self.client.get(f"/authors/{book.author_id}/"), book.title)
        self.assertEqual(self.client.get("/books/999/").status_code, 404)

    def test_sitemap_names_every_book(self) -> None:
        index = self.client.get("/sitemap.xml").content.decode()
        self.assertIn("/sitemap-books.xml", index)
        section = self.client.get("/sitemap-books.xml").content.decode()
        self.assertEqual(len(re.findall(r"/books/\d+/", section)), 30)


class ApiTests(TestCase):
    """Reading, writing, and permissions."""

    def setUp(self) -> None:
        cache.clear()
        self.book = make_book()
        self.new = {
            "title": "New",
            "author": self.book.author_id,
            "publication_date": "2024-05-06",
            "isbn": "978-0-3064-0615-7",
            "summary": "Text.",
            "genre": "crime",
            "price": "5.00",
            "stock": 3,
        }

    def test_read(self) -> None:
        listed = self.client.get("/api/books/").json()
        self.assertEqual((listed["count"], listed["results"][0]["author_name"]), (1, "Author 1"))
        self.assertEqual(self.client.get(f"/api/books/{self.book.pk}/").json()["title"], "Title 1")

    def test_anonymous_users_may_not_write(self) -> None:
        response = self.client.post("/api/books/", self.new, "application/json")
        self.assertEqual(response.status_code, 403)
        self.assertEqual(Book.objects.count(), 1)

    @override_settings(API_OPEN_WRITES=True)
    def test_crud_with_open_writes(self) -> None:
        client = Client(enforce_csrf_checks=True)
        created = client.post("/api/books/", self.new, "application/json")
        self.assertEqual(created.status_code, 201)
        path = f"/api/books/{created.json()['id']}/"
        self.assertEqual(Book.objects.get(title="New").isbn13, "9780306406157")
        changed = client.patch(path, {"title": "Newer"}, "application/json")
        self.assertEqual(changed.json()["title"], "Newer")
        self.assertEqual(client.delete(path).status_code, 204)
        self.assertEqual(client.get(path).status_code, 404)

    def test_session_writes_need_the_token(self) -> None:
        User.objects.create_user("ada", password="x")
        client = Client(enforce_csrf_checks=True)
        client.login(username="ada", password="x")
        response = client.post("/api/books/", self.new, "application/json")
        self.assertEqual(response.status_code, 403)
        trusting = Client()
        trusting.login(username="ada", password="x")
        response = trusting.post("/api/books/", self.new, "application/json")
        self.assertEqual(response.status_code, 201)
