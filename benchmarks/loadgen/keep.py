"""Stores the figures of a day, part by part: measuring a part again replaces only the figures of that part.

Parts of a day may come from different commits and machines, so each has its own conditions. The tests are the examples
in the functions: `python3 -m doctest benchmarks/loadgen/keep.py`.
"""

import json
import os
from pathlib import Path

CONDITIONS = ("commit", "kernel", "cores", "rounds", "seconds", "at")


def figures_by_part(day):
    """The figures of a day, each part with its conditions. Older files have the conditions once for all parts.

    >>> figures_by_part({"commit": "abc", "cores": 2, "get": {"wrk": [1.5]}})
    {'get': {'commit': 'abc', 'cores': 2, 'figures': {'wrk': [1.5]}}}
    >>> figures_by_part({"get": {"commit": "abc", "figures": {"wrk": [1.5]}}})
    {'get': {'commit': 'abc', 'figures': {'wrk': [1.5]}}}
    """
    shared = {name: day[name] for name in CONDITIONS if name in day}
    parts = {name: value for name, value in day.items() if name not in CONDITIONS}
    if not shared:
        return parts
    return {name: {**shared, "figures": figures} for name, figures in parts.items()}


def store_figures(path, part, figures, conditions):
    """Writes the figures of one part to the file of the day. The file is replaced atomically.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "2026-11-28" / "loadgen.json"
    >>> store_figures(path, "get", {"wrk": [1]}, {"commit": "a"})
    >>> store_figures(path, "lag", {"500": [2]}, {"commit": "b"})
    >>> store_figures(path, "get", {"wrk": [3]}, {"commit": "c"})
    >>> for name, kept in json.loads(path.read_text()).items():
    ...     print(name, kept)
    get {'commit': 'c', 'figures': {'wrk': [3]}}
    lag {'commit': 'b', 'figures': {'500': [2]}}
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    day = figures_by_part(json.loads(path.read_text())) if path.exists() else {}
    day[part] = {**conditions, "figures": figures}
    new = path.with_suffix(".part")
    new.write_text(json.dumps(day, indent=1) + "\n")
    os.replace(new, path)
