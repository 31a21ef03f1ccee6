"""The confirmation of an order: a mail with the covers of what was bought, sent once.

It costs some ten milliseconds, mostly for drawing the pictures. With `KP_QUEUE=none` the buyer
waits for it; with `celery` the request only leaves a note in the queue, and a worker does it.
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
    """See to it that the order is confirmed; called once it is really in the database.

    A shop whose queue is away is still a shop: the work is then done here, and the log says so.
    """
    if settings.QUEUE == "celery":
        from kombu.exceptions import OperationalError

        from orders.tasks import confirm_order

        try:
            confirm_order.delay(order_id)
            return
        except OperationalError as error:
            _log.warning("the queue is away, order %s is confirmed at once: %s", order_id, error)
    confirm(order_id, "request")


def confirm(order_id: int, sent_by: str) -> bool:
    """Send the mail, then note it; `False` when that was done before or the order is gone."""
    order = Order.objects.select_related("user", "confirmation").filter(pk=order_id).first()
    if order is None or hasattr(order, "confirmation"):
        return False
    mail = _mail(order)
    size = len(mail.message().as_bytes())
    mail.send()
    Confirmation.objects.create(order=order, sent_by=sent_by, size=size)
    return True


def _mail(order: Order) -> EmailMessage:
    """The words, and the pictures of the first titles."""
    items = list(order.items.select_related("book__author").order_by("pk"))
    name = order.user.username if order.user else "guest"
    words = render_to_string("orders/mail.txt", {"order": order, "items": items, "name": name})
    mail = EmailMessage(f"Order {order.pk}", words, _SENDER, [f"{name}@readers.test"])
    for item in items[:_PICTURES]:
        mail.attach(f"{item.book_id}.png", _picture(item), "image/png")
    return mail


def _picture(item: OrderItem) -> bytes:
    """The cover as mail programs can show it."""
    return covers.png(covers.design(item.book.isbn13, item.book.title))
