"""The queue's application: `python -m celery -A bookstore worker`.

Imported only where `KP_QUEUE=celery` says so, and by the worker itself.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookstore.settings")

app = Celery("bookstore")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
