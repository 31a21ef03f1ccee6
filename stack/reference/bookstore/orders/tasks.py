"""The tasks of the queue's workers. Imported only where Celery is installed."""

from bookstore.celery import app
from orders.confirmation import confirm


@app.task(name="orders.confirm", ignore_result=True)
def confirm_order(order_id: int) -> bool:
    """Confirm one order; running it twice sends one mail."""
    return confirm(order_id, "worker")
