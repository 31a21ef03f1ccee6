"""Settings of the second site, `hello`: the bookstore's, with other URLs and fewer apps.

It shares database, caches and every `KP_…` variable. It is served under its own host name
beside the bookstore (topology `multi-app`).
"""

from bookstore.settings import *  # noqa: F403

ROOT_URLCONF = "hello.urls"
WSGI_APPLICATION = "bookstore.wsgi_hello.application"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "books",
    "hello",
]
