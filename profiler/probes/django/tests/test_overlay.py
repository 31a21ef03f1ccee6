"""The overlay takes over the site's settings and puts the probe first."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

from django.conf import settings

_ROOT = Path(__file__).parent.parent


class OverlayTests(unittest.TestCase):
    """Correct use in this process, and wrong use in another."""

    def test_the_probe_is_first_and_the_rest_is_the_sites(self) -> None:
        self.assertEqual(settings.MIDDLEWARE[0], "kneepoint_django.ServerTimingMiddleware")
        self.assertEqual(settings.MIDDLEWARE[1:], ["django.middleware.common.CommonMiddleware"])
        self.assertEqual(settings.ROOT_URLCONF, "tests.site.urls")

    def test_without_a_site_it_says_what_is_missing(self) -> None:
        variables = {k: v for k, v in os.environ.items() if k != "KNEEPOINT_DJANGO_SETTINGS"}
        done = subprocess.run(
            [sys.executable, "-c", "import kneepoint_django.overlay"],
            cwd=_ROOT,
            env=variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertIn("KNEEPOINT_DJANGO_SETTINGS must name", done.stderr)
