"""Every variable: its effect on the settings, and its entry in README and tests."""

import re
from pathlib import Path
from unittest import skipUnless
from unittest.mock import patch

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase

from bookstore import storages
from bookstore.faults import Fault
from bookstore.testing import settings_with

_BASE = Path(settings.BASE_DIR)


class SwitchTests(SimpleTestCase):
    """The effect of each variable."""

    def test_values_are_passed_to_the_settings(self) -> None:
        for variable, value, setting, expected in [
            ("KP_DEBUG", "1", "DEBUG", True),
            ("KP_SECRET_KEY", "abc", "SECRET_KEY", "abc"),
            ("KP_ALLOWED_HOSTS", "a, b", "ALLOWED_HOSTS", ["a", "b"]),
            ("KP_CSRF_TRUSTED_ORIGINS", "https://a", "CSRF_TRUSTED_ORIGINS", ["https://a"]),
            ("KP_ENGINE_URL", "http://e", "ENGINE_URL", "http://e"),
            ("KP_ENGINE_TIMEOUT_MS", "7", "ENGINE_TIMEOUT_MS", 7),
            ("KP_ENGINE_DELAY_MS", "8", "ENGINE_DELAY_MS", 8),
            ("KP_PAGE_SIZE", "9", "PAGE_SIZE", 9),
            ("KP_PAGE_SIZE_MAX", "99", "PAGE_SIZE_MAX", 99),
            ("KP_PURCHASE", "naive", "PURCHASE", "naive"),
            ("KP_PURCHASE_RETRIES", "0", "PURCHASE_RETRIES", 0),
            ("KP_API_OPEN_WRITES", "1", "API_OPEN_WRITES", True),
            ("KP_AUDIT", "1", "AUDIT", True),
            ("KP_CACHE_PAGE", "30", "CACHE_PAGE_SECONDS", 30),
            ("KP_CACHE_PAGE_ANON", "0", "CACHE_PAGE_ANONYMOUS_ONLY", False),
            ("KP_PASSWORD_ITERATIONS", "5", "PASSWORD_ITERATIONS", 5),
            ("KP_FAULTS", "n_plus_one", "FAULTS", {Fault.N_PLUS_ONE}),
            ("KP_QUEUE", "celery", "QUEUE", "celery"),
            ("KP_QUEUE_URL", "redis://q/2", "CELERY_BROKER_URL", "redis://q/2"),
            ("KP_REPLICA", "1", "READ_DATABASE", "replica"),
            ("KP_STATIC_ROOT", "/s", "STATIC_ROOT", Path("/s")),
            ("KP_MEDIA_ROOT", "/m", "MEDIA_ROOT", Path("/m")),
        ]:
            default = settings_with()[setting]
            self.assertNotEqual(default, expected, f"{variable} must differ from the default")
            self.assertEqual(settings_with(**{variable: value})[setting], expected, variable)

    def test_middleware_that_is_added_or_left_out(self) -> None:
        def added(**variables: str) -> set[str]:
            return set(settings_with(**variables)["MIDDLEWARE"]) ^ set(
                settings_with()["MIDDLEWARE"]
            )

        self.assertEqual(added(KP_GZIP="1"), {"django.middleware.gzip.GZipMiddleware"})
        self.assertEqual(added(KP_ETAG="1"), {"django.middleware.http.ConditionalGetMiddleware"})
        self.assertEqual(added(KP_WHITENOISE="0"), {"whitenoise.middleware.WhiteNoiseMiddleware"})
        self.assertEqual(
            added(KP_CACHE_SITE="9"),
            {
                "django.middleware.cache.UpdateCacheMiddleware",
                "django.middleware.cache.FetchFromCacheMiddleware",
            },
        )

    def test_caches(self) -> None:
        for kind, part in [
            ("locmem", "LocMemCache"),
            ("redis", "RedisCache"),
            ("memcached", "PyMemcacheCache"),
            ("dummy", "DummyCache"),
        ]:
            cache = settings_with(KP_CACHE=kind, KP_CACHE_URL="there")["CACHES"]["default"]
            self.assertTrue(cache["BACKEND"].endswith(part))
            self.assertEqual(cache["LOCATION"], "there")

    def test_sessions_templates_log_and_mail(self) -> None:
        for kind in ("db", "cache", "cached_db", "signed_cookies"):
            self.assertTrue(settings_with(KP_SESSIONS=kind)["SESSION_ENGINE"].endswith(kind))
        loaders = settings_with(KP_TEMPLATE_CACHE="0")["TEMPLATES"][0]["OPTIONS"]["loaders"]
        self.assertNotIn("cached", str(loaders))
        self.assertEqual(settings_with(KP_LOG_LEVEL="INFO")["LOGGING"]["root"]["level"], "INFO")
        self.assertIn("dummy", settings_with()["EMAIL_BACKEND"])
        mailed = settings_with(KP_MAIL_DIR="/mails")
        self.assertIn("filebased", mailed["EMAIL_BACKEND"])
        self.assertEqual(mailed["EMAIL_FILE_PATH"], "/mails")

    def test_media_root_is_beside_static_root(self) -> None:
        self.assertEqual(settings_with(KP_STATIC_ROOT="/a/static")["MEDIA_ROOT"], Path("/a/media"))

    def test_media_in_a_store(self) -> None:
        self.assertFalse(settings_with()["MEDIA_IN_STORE"])
        with patch("importlib.util.find_spec", return_value=object()):
            made = settings_with(
                KP_OBJECTS_URL="http://o",
                KP_OBJECTS_BUCKET="b",
                KP_OBJECTS_KEY="k",
                KP_OBJECTS_SECRET="s",
            )
        options = made["STORAGES"]["default"]["OPTIONS"]
        self.assertEqual(
            [options[key] for key in ("endpoint_url", "bucket_name", "access_key", "secret_key")],
            ["http://o", "b", "k", "s"],
        )
        self.assertTrue(made["MEDIA_IN_STORE"])

    def test_the_error_for_an_impossible_store_contains_the_reason(self) -> None:
        with (
            patch.object(storages, "find_spec", return_value=None),
            self.assertRaisesMessage(ImproperlyConfigured, "requirements-objects.txt"),
        ):
            settings_with(KP_OBJECTS_URL="http://o")
        with (
            patch.object(storages, "find_spec", return_value=object()),
            self.assertRaisesMessage(ImproperlyConfigured, "is not a URL"),
        ):
            settings_with(KP_OBJECTS_URL="127.0.0.1:9000")


class NoVariableIsForgottenTests(SimpleTestCase):
    """Each variable needs a line in README and a test."""

    def test_each_is_described_and_tested(self) -> None:
        code = "".join(path.read_text() for path in (_BASE / "bookstore").glob("*.py"))
        read = set(re.findall(r'_?env\.\w+\(\s*"(KP_\w+)"', code))
        self.assertGreater(len(read), 50)
        tests = "".join(
            path.read_text() for path in _BASE.rglob("*.py") if "test" in path.as_posix().lower()
        )
        readme = (_BASE / "README.md").read_text()
        for name in sorted(read):
            self.assertTrue(f"`{name}`" in readme, f"{name} is not in README.md")
            self.assertTrue(re.search(rf"\b{name}\b", tests), f"{name} has no test")


@skipUnless((_BASE / "requirements.in").exists(), "only with the sources at hand")
class RequirementTests(SimpleTestCase):
    """The optional files must not require other versions than the base."""

    def test_versions_agree(self) -> None:
        def pins(path: Path) -> dict[str, str]:
            return dict(re.findall(r"^([\w.-]+)==(\S+)", path.read_text(), re.M))

        base = pins(_BASE / "requirements.txt")
        for path in _BASE.glob("requirements-*.txt"):
            for name, version in pins(path).items():
                self.assertEqual(version, base.get(name, version), f"{name} in {path.name}")
