"""Keeps the figures of a day, part by part: a part that is measured again replaces its own figures and no others.

Parts of a day may come from different commits and machines, so each keeps its own circumstances. Its tests are the examples
in its functions: `python3 -m doctest benchmarks/loadgen/keep.py`.
"""

import json
import os
from pathlib import Path

CIRCUMSTANCES = ("commit", "kernel", "cores", "rounds", "seconds", "at")


def by_part(day):
    """The figures of a day, each part with its circumstances; also of a file that has them once for all parts.

    >>> by_part({"commit": "abc", "cores": 2, "get": {"wrk": [1.5]}})
    {'get': {'commit': 'abc', 'cores': 2, 'figures': {'wrk': [1.5]}}}
    >>> by_part({"get": {"commit": "abc", "figures": {"wrk": [1.5]}}})
    {'get': {'commit': 'abc', 'figures': {'wrk': [1.5]}}}
    """
    shared = {name: day[name] for name in CIRCUMSTANCES if name in day}
    parts = {name: value for name, value in day.items() if name not in CIRCUMSTANCES}
    if not shared:
        return parts
    return {name: {**shared, "figures": figures} for name, figures in parts.items()}


def keep(path, part, figures, circumstances):
    """Lays the figures of one part over the file of the day; the file is whole at any moment.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "2026-11-28" / "loadgen.json"
    >>> keep(path, "get", {"wrk": [1]}, {"commit": "a"})
    >>> keep(path, "lag", {"500": [2]}, {"commit": "b"})
    >>> keep(path, "get", {"wrk": [3]}, {"commit": "c"})
    >>> for name, kept in json.loads(path.read_text()).items():
    ...     print(name, kept)
    get {'commit': 'c', 'figures': {'wrk': [3]}}
    lag {'commit': 'b', 'figures': {'500': [2]}}
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    day = by_part(json.loads(path.read_text())) if path.exists() else {}
    day[part] = {**circumstances, "figures": figures}
    new = path.with_suffix(".part")
    new.write_text(json.dumps(day, indent=1) + "\n")
    os.replace(new, path)
