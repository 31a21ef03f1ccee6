"""The second site under its own URLs."""

from django.test import SimpleTestCase, override_settings


@override_settings(ROOT_URLCONF="hello.urls")
class HelloTests(SimpleTestCase):
    """One page."""

    def test_greeting(self) -> None:
        self.assertContains(self.client.get("/"), "This is the second site, at testserver")
