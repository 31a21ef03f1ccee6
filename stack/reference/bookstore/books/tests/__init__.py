"""Tests of the book pages, their caches, covers and databases."""
