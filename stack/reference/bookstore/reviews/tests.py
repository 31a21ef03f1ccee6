"""Reviews on the book page, and writing one."""

from django.contrib.auth.models import User
from django.db import connection
from django.test import TestCase, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookstore.faults import Fault
from bookstore.testing import make_book
from reviews.models import Review
from reviews.selectors import rate


class ReviewTests(TestCase):
    """Queries and forms."""

    def setUp(self) -> None:
        self.book = make_book()
        self.user = User.objects.create_user("ada", password="x")

    def add(self, count: int) -> None:
        """Reviews with ratings 1, 2, 3, …"""
        today = timezone.localdate()
        for rating in range(1, count + 1):
            Review.objects.create(
                book=self.book, user=self.user, rating=rating, text="Good.", written_on=today
            )

    def test_rating_is_one_query(self) -> None:
        self.add(3)
        with self.assertNumQueries(1):
            rated = rate([self.book])
        self.assertEqual((rated[0].reviews, rated[0].rating), (3, 2.0))

    def test_a_book_without_reviews(self) -> None:
        self.assertEqual(rate([self.book])[0].rating, None)

    def test_book_page_grows_only_when_planted(self) -> None:
        self.add(4)
        path = f"/books/{self.book.pk}/"
        with CaptureQueriesContext(connection) as healthy:
            self.assertContains(self.client.get(path), "Good.", 4)
        with (
            override_settings(FAULTS={Fault.N_PLUS_ONE_REVIEWS}),
            CaptureQueriesContext(connection) as planted,
        ):
            self.client.get(path)
        self.assertEqual(len(planted) - len(healthy), 4)

    def test_writing_needs_a_login(self) -> None:
        path = f"/books/{self.book.pk}/review/"
        self.assertRedirects(self.client.get(path), f"/accounts/login/?next={path}")
        self.client.force_login(self.user)
        self.assertEqual(self.client.post(path, {"rating": 9, "text": "?"}).status_code, 400)
        sent = self.client.post(path, {"rating": 4, "text": "Fine."})
        self.assertRedirects(sent, f"/books/{self.book.pk}/")
        self.assertEqual(Review.objects.get().user, self.user)
