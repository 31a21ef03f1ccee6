"""All settings of the bookstore; every variant is an environment variable named `KP_…`.

Only this file reads the environment: one image, many variants. README.md has the table of
variables, their values and defaults; keep it consistent with this file.
"""

import os
from pathlib import Path
from typing import Any

from bookstore import caches, databases, faults, storages
from bookstore.env import Env

BASE_DIR = Path(__file__).resolve().parent.parent
_env = Env(os.environ)

# --- Django's switches -----------------------------------------------------------------------
DEBUG = _env.flag("KP_DEBUG", False)
# The default is public on purpose: the reference stack is temporary and listens on loopback.
SECRET_KEY = _env.text("KP_SECRET_KEY") or "throw-away-key-of-the-reference-stack-not-a-secret"
ALLOWED_HOSTS = _env.names(
    "KP_ALLOWED_HOSTS", "localhost,.localhost,.kneepoint.test,127.0.0.1,[::1]"
)
CSRF_TRUSTED_ORIGINS = _env.names("KP_CSRF_TRUSTED_ORIGINS")
ROOT_URLCONF = "bookstore.urls"
WSGI_APPLICATION = "bookstore.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "rest_framework",
    "books",
    "reviews",
    "search",
    "accounts",
    "orders",
    "seeding",
]

# --- Planted faults and behaviour ------------------------------------------------------------
FAULTS = faults.parse(_env.names("KP_FAULTS"))
ENGINE_URL = _env.text("KP_ENGINE_URL")
ENGINE_TIMEOUT_MS = _env.count("KP_ENGINE_TIMEOUT_MS", 2000)
ENGINE_DELAY_MS = _env.count("KP_ENGINE_DELAY_MS", 150)
PAGE_SIZE = max(1, _env.count("KP_PAGE_SIZE", 24))
PAGE_SIZE_MAX = max(PAGE_SIZE, _env.count("KP_PAGE_SIZE_MAX", 200))
PURCHASE = _env.choice("KP_PURCHASE", "conditional", ["conditional", "for_update", "naive"])
PURCHASE_RETRIES = _env.count("KP_PURCHASE_RETRIES", 3)
API_OPEN_WRITES = _env.flag("KP_API_OPEN_WRITES", False)
AUDIT = _env.flag("KP_AUDIT", False)

# --- Database --------------------------------------------------------------------------------
DATABASES = databases.from_env(_env, BASE_DIR)
READ_DATABASE = "replica" if "replica" in DATABASES else "default"

# --- Queue and mail --------------------------------------------------------------------------
QUEUE = _env.choice("KP_QUEUE", "none", ["none", "celery"])
CELERY_BROKER_URL = _env.text("KP_QUEUE_URL") or "redis://127.0.0.1:6379/1"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# An unavailable broker must not delay a buyer for long.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1, "socket_timeout": 5}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_max": 0.1}
CELERY_TASK_IGNORE_RESULT = True
_mail_dir = _env.text("KP_MAIL_DIR")
EMAIL_BACKEND = f"django.core.mail.backends.{'filebased' if _mail_dir else 'dummy'}.EmailBackend"
EMAIL_FILE_PATH = _mail_dir or None

# --- Caches ----------------------------------------------------------------------------------
CACHES = caches.from_env(_env)
CACHE_PAGE_SECONDS = _env.count("KP_CACHE_PAGE", 0)
CACHE_PAGE_ANONYMOUS_ONLY = _env.flag("KP_CACHE_PAGE_ANON", True)
_cache_site_seconds = _env.count("KP_CACHE_SITE", 0)
CACHE_MIDDLEWARE_SECONDS = _cache_site_seconds or 300
CACHE_MIDDLEWARE_KEY_PREFIX = "site"

# --- Sessions and passwords ------------------------------------------------------------------
_sessions = _env.choice("KP_SESSIONS", "db", ["db", "cache", "cached_db", "signed_cookies"])
SESSION_ENGINE = f"django.contrib.sessions.backends.{_sessions}"
SESSION_COOKIE_SAMESITE = "Lax"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "profile"
LOGOUT_REDIRECT_URL = "home"
PASSWORD_ITERATIONS = max(1, _env.count("KP_PASSWORD_ITERATIONS", 1000))
PASSWORD_HASHERS = ["accounts.hashers.ReferenceHasher"]

# --- Middleware ------------------------------------------------------------------------------
_whitenoise = _env.flag("KP_WHITENOISE", True)
_optional = {
    "whitenoise.middleware.WhiteNoiseMiddleware": _whitenoise,
    "django.middleware.cache.UpdateCacheMiddleware": _cache_site_seconds > 0,
    "django.middleware.gzip.GZipMiddleware": _env.flag("KP_GZIP", False),
    "django.middleware.http.ConditionalGetMiddleware": _env.flag("KP_ETAG", False),
    "django.middleware.cache.FetchFromCacheMiddleware": _cache_site_seconds > 0,
}
_order = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "bookstore.middleware.SqliteWriteLockMiddleware",
    "bookstore.middleware.NeedlessCookieMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
]
MIDDLEWARE = [name for name in _order if _optional.get(name, True)]

# --- Templates, static files and media ---------------------------------------------------------
_loaders: list[Any] = [
    "django.template.loaders.filesystem.Loader",
    "django.template.loaders.app_directories.Loader",
]
if _env.flag("KP_TEMPLATE_CACHE", True):
    _loaders = [("django.template.loaders.cached.Loader", _loaders)]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": _loaders,
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = Path(_env.text("KP_STATIC_ROOT") or BASE_DIR / "var" / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_MAX_AGE = 60
MEDIA_URL = storages.MEDIA_URL
MEDIA_ROOT = Path(_env.text("KP_MEDIA_ROOT") or STATIC_ROOT.parent / "media")
MEDIA_IN_STORE = bool(_env.text("KP_OBJECTS_URL"))
STORAGES = storages.from_env(_env)

# --- API and log -----------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["stderr"],
        "level": _env.choice(
            "KP_LOG_LEVEL", "WARNING", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
        ),
    },
}
