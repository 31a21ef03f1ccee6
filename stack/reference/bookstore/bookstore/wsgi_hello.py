"""The WSGI application of the second, tiny site (`hello`)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookstore.settings_hello")

application = get_wsgi_application()
