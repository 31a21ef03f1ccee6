"""What the queue's workers do. Imported only where Celery is installed."""

from bookstore.celery import app
from orders.confirmation import confirm


@app.task(name="orders.confirm", ignore_result=True)
def confirm_order(order_id: int) -> bool:
    """Confirm one order; harmless when it is handed out twice."""
    return confirm(order_id, "worker")
