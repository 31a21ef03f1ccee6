"""The same seed gives the same data; another seed gives other data."""

from io import StringIO

from django.contrib.auth import authenticate
from django.core.management import call_command
from django.db import connection
from django.test import TestCase, TransactionTestCase

from books.models import Book
from reviews.models import Review
from seeding import load, rows
from seeding.draw import Draw

_TINY = rows.Size(books=120, authors=10, reviews=300, users=5)
# Changes only when the seed data is meant to change; then stored run folders no longer compare.
_DIGEST_S1 = "a397c0c07b793b9614ab6f935c07b7bd459dd9705fafc5d6cb6e5b7f9bd0bca0"


class SeedTests(TransactionTestCase):
    """Twice the same."""

    def test_same_seed_same_rows_and_same_dump(self) -> None:
        load.load(_TINY, 7)
        digest, dump = load.digest(), self.dump()
        load.load(_TINY, 7)
        self.assertEqual(load.digest(), digest)
        self.assertEqual(self.dump(), dump)
        load.load(_TINY, 8)
        self.assertNotEqual(load.digest(), digest)

    def dump(self) -> list[str]:
        """All of an SQLite database as text; nothing for the others."""
        if connection.vendor != "sqlite":
            return []
        connection.ensure_connection()
        return list(connection.connection.iterdump())


class CommandTests(TestCase):
    """Size S as the reference stack has it."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.out = StringIO()
        call_command("seed", size="S", seed=1, digest=True, stdout=cls.out)

    def test_the_digest_is_the_published_one(self) -> None:
        self.assertIn(_DIGEST_S1, self.out.getvalue())

    def test_sizes(self) -> None:
        self.assertEqual((Book.objects.count(), Review.objects.count()), (500, 2500))
        self.assertGreater(Book.objects.filter(stock__gte=1_000_000).count(), 480)
        self.assertEqual(Book.objects.values("isbn13").distinct().count(), 500)

    def test_readers_can_log_in(self) -> None:
        user = authenticate(username="reader0001", password=rows.PASSWORD)
        self.assertEqual(user.pk, 1)
        self.assertTrue(user.password.startswith("pbkdf2_sha256$1000$"))

    def test_articles(self) -> None:
        draw = Draw(1, "x")
        texts = [draw.prose("a {adjective} thing, A {noun}") for _ in range(200)]
        self.assertFalse([text for text in texts if "a amber" in text or "A island" in text])
