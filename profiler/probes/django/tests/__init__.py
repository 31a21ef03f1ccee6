"""Tests of the probe; `python -m unittest discover -t . -s tests` in the folder above."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kneepoint_django.overlay")
os.environ.setdefault("KNEEPOINT_DJANGO_SETTINGS", "tests.site.settings")
django.setup()
