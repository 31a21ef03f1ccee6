"""Tests of cart and purchase."""
