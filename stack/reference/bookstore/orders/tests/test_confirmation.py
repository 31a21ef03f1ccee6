"""Orders are confirmed exactly once, by the request or a worker, after their commit."""

from email import message_from_bytes
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import skipUnless

from django.contrib.auth.models import User
from django.core import mail
from django.test import TestCase, TransactionTestCase, override_settings

from bookstore.testing import make_book
from orders.confirmation import confirm
from orders.models import Confirmation, Order
from orders.purchase import OutOfStock, purchase

_IN_MEMORY = "django.core.mail.backends.locmem.EmailBackend"


@override_settings(EMAIL_BACKEND=_IN_MEMORY)
class ConfirmTests(TestCase):
    """The content of the mail."""

    def setUp(self) -> None:
        self.user = User.objects.create_user("ada", password="x")
        self.books = [make_book(number, title=f"Fish & Ships {number}") for number in (1, 2)]
        self.order = purchase(self.user.pk, {book.pk: 3 for book in self.books})

    def test_text_and_pictures(self) -> None:
        self.assertTrue(confirm(self.order.pk, "worker"))
        sent = mail.outbox[0]
        self.assertEqual(sent.to, ["ada@readers.test"])
        self.assertIn("3 × Fish & Ships 1\n    by Author 1, £9.99 each", sent.body)
        self.assertIn("Total £59.94", sent.body)
        pictures = [part for part in sent.attachments if part.mimetype == "image/png"]
        self.assertEqual(len(pictures), 2)
        self.assertTrue(pictures[0].content.startswith(b"\x89PNG"))
        noted = Confirmation.objects.get()
        self.assertEqual((noted.order, noted.sent_by), (self.order, "worker"))
        self.assertGreater(noted.size, 2_000)

    def test_a_task_that_runs_twice_sends_one_mail(self) -> None:
        self.assertTrue(confirm(self.order.pk, "worker"))
        self.assertFalse(confirm(self.order.pk, "worker"))
        self.assertFalse(confirm(999_999, "worker"))
        self.assertEqual((len(mail.outbox), Confirmation.objects.count()), (1, 1))

    def test_mails_are_written_to_a_folder(self) -> None:
        backend = "django.core.mail.backends.filebased.EmailBackend"
        with (
            TemporaryDirectory() as folder,
            override_settings(EMAIL_BACKEND=backend, EMAIL_FILE_PATH=folder),
        ):
            confirm(self.order.pk, "request")
            written = message_from_bytes(next(Path(folder).iterdir()).read_bytes())
        self.assertEqual(written["Subject"], f"Order {self.order.pk}")


@override_settings(EMAIL_BACKEND=_IN_MEMORY)
class QueueTests(TransactionTestCase):
    """The process that confirms, and the time."""

    def setUp(self) -> None:
        self.book = make_book(stock=5)

    def sent_by(self) -> list[str]:
        """The processes that confirmed the orders."""
        return list(Confirmation.objects.values_list("sent_by", flat=True))

    def test_without_a_queue_the_request_confirms(self) -> None:
        purchase(None, {self.book.pk: 1})
        self.assertEqual(self.sent_by(), ["request"])

    def test_a_failed_purchase_is_not_confirmed(self) -> None:
        with self.assertRaises(OutOfStock):
            purchase(None, {self.book.pk: 6})
        self.assertEqual((mail.outbox, self.sent_by()), ([], []))

    def test_the_order_page_shows_the_state_of_the_confirmation(self) -> None:
        order = self.client.post(f"/buy/{self.book.pk}/")["Location"]
        self.assertContains(self.client.get(order), "A confirmation was sent.")
        Confirmation.objects.all().delete()
        self.assertContains(self.client.get(order), "will be sent soon")

    @skipUnless(find_spec("celery"), "requirements-queue.txt is not installed")
    @override_settings(QUEUE="celery")
    def test_a_worker_confirms_after_the_commit(self) -> None:
        from bookstore.celery import app

        app.conf.task_always_eager = True
        self.addCleanup(app.conf.update, task_always_eager=False)
        order = purchase(None, {self.book.pk: 1})
        self.assertEqual(self.sent_by(), ["worker"])
        self.assertEqual(Confirmation.objects.get().order, order)

    @skipUnless(find_spec("celery"), "requirements-queue.txt is not installed")
    @override_settings(QUEUE="celery")
    def test_an_unavailable_queue_does_not_block_the_purchase(self) -> None:
        from bookstore.celery import app

        app.conf.update(broker_url="redis://127.0.0.1:1/0", task_always_eager=False)
        with self.assertLogs("orders.confirmation", "WARNING") as logs:
            order = purchase(None, {self.book.pk: 1})
        self.assertIn("the queue is unavailable", logs.output[0])
        self.assertEqual(self.sent_by(), ["request"])
        self.assertTrue(Order.objects.filter(pk=order.pk).exists())
