"""The confirmation of an order: a mail with the covers of the books, sent once.

It costs about ten milliseconds, mostly for drawing the pictures. With `KP_QUEUE=none` the buyer
waits for it; with `celery` the request only queues a task, and a worker sends the mail.
"""

import logging
from email.utils import formataddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from books import covers
from orders.models import Confirmation, Order, OrderItem

_SENDER = formataddr(("Bookstore", "orders@bookstore.test"))
_PICTURES = 3
_log = logging.getLogger(__name__)


def request_confirmation(order_id: int) -> None:
    """Queue or send the confirmation; called after the order is committed.

    When the queue is unavailable, the request itself confirms the order and logs a warning.
    """
    if settings.QUEUE == "celery":
        from kombu.exceptions import OperationalError

        from orders.tasks import confirm_order

        try:
            confirm_order.delay(order_id)
            return
        except OperationalError as error:
            _log.warning(
                "the queue is unavailable, the request confirms order %s: %s", order_id, error
            )
    confirm(order_id, "request")


def confirm(order_id: int, sent_by: str) -> bool:
    """Send the mail and record it; `False` when it was sent before or the order does not exist."""
    order = Order.objects.select_related("user", "confirmation").filter(pk=order_id).first()
    if order is None or hasattr(order, "confirmation"):
        return False
    mail = _build_mail(order)
    size = len(mail.message().as_bytes())
    mail.send()
    Confirmation.objects.create(order=order, sent_by=sent_by, size=size)
    return True


def _build_mail(order: Order) -> EmailMessage:
    """The text, and the pictures of the first titles."""
    items = list(order.items.select_related("book__author").order_by("pk"))
    name = order.user.username if order.user else "guest"
    text = render_to_string("orders/mail.txt", {"order": order, "items": items, "name": name})
    mail = EmailMessage(f"Order {order.pk}", text, _SENDER, [f"{name}@readers.test"])
    for item in items[:_PICTURES]:
        mail.attach(f"{item.book_id}.png", _draw_picture(item), "image/png")
    return mail


def _draw_picture(item: OrderItem) -> bytes:
    """Draw the cover as PNG, which mail programs can show."""
    return covers.png(covers.design(item.book.isbn13, item.book.title))
