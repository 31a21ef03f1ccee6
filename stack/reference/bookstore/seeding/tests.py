"""The same seed gives the same data; another seed gives other data."""

from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from django.contrib.auth import authenticate
from django.core.management import call_command
from django.db import connection
from django.test import TestCase, TransactionTestCase, override_settings

from books.models import Book
from reviews.models import Review
from seeding import load, rows
from seeding.draw import Draw

_TINY = rows.Size(books=120, authors=10, reviews=300, users=5)
# Changes only when the seed data changes on purpose; stored run folders are then not comparable.
_DIGEST_S1 = "768343de7b3db4bbf662390e55d8c5beb0f74822e3a1864115141bcabcaf80f8"


class MediaFolder:
    """A temporary folder for the covers of tests that seed."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.media = Path(cls.enterClassContext(TemporaryDirectory()))
        cls.enterClassContext(override_settings(MEDIA_ROOT=cls.media))
        super().setUpClass()

    def covers(self) -> dict[str, bytes]:
        """The files on disk by name."""
        return {path.name: path.read_bytes() for path in (self.media / "covers").iterdir()}


class SeedTests(MediaFolder, TransactionTestCase):
    """Seeding is deterministic."""

    def test_same_seed_same_rows_and_same_dump(self) -> None:
        load.load(_TINY, 7)
        digest, dump, covers = load.digest(), self.dump(), self.covers()
        load.load(_TINY, 7)
        self.assertEqual(load.digest(), digest)
        self.assertEqual(self.dump(), dump)
        self.assertEqual(self.covers(), covers)
        (self.media / "covers" / "left-over.svg").touch()
        load.load(_TINY, 8)
        self.assertNotEqual(load.digest(), digest)
        self.assertEqual(self.covers().keys(), covers.keys())
        self.assertNotEqual(self.covers(), covers)

    def dump(self) -> list[str]:
        """The whole SQLite database as text; nothing for other databases."""
        if connection.vendor != "sqlite":
            return []
        connection.ensure_connection()
        return list(connection.connection.iterdump())


class CommandTests(MediaFolder, TestCase):
    """Size S, as in the reference stack."""

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

    def test_every_book_has_its_cover(self) -> None:
        names = {f"covers/{name}" for name in self.covers()}
        self.assertEqual(set(Book.objects.values_list("cover", flat=True)), names)
        self.assertEqual(len(names), 500)
        sizes = [len(cover) for cover in self.covers().values()]
        self.assertTrue(min(sizes) > 2_000 and max(sizes) < 6_000, (min(sizes), max(sizes)))

    def test_users_can_log_in(self) -> None:
        user = authenticate(username="reader0001", password=rows.PASSWORD)
        self.assertEqual(user.pk, 1)
        self.assertTrue(user.password.startswith("pbkdf2_sha256$1000$"))

    def test_articles(self) -> None:
        draw = Draw(1, "x")
        texts = [draw.prose("a {adjective} thing, A {noun}") for _ in range(200)]
        self.assertFalse([text for text in texts if "a amber" in text or "A island" in text])
