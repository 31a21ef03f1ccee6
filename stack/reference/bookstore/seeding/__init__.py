"""Deterministic data from one seed number."""
