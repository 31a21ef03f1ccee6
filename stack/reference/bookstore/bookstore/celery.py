"""The Celery application: `python -m celery -A bookstore worker`.

Imported only by the worker, and by the site with `KP_QUEUE=celery`.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookstore.settings")

app = Celery("bookstore")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
