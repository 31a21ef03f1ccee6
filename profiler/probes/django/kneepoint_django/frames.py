"""Finds the line of the site that ran a statement: the innermost frame of the site's own code.

A lazy relation is usually followed inside a template; then the template and its line are named
too, because that is where the fix belongs.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from types import FrameType

_DEEPEST = 200
_LIBRARIES = tuple(
    {os.path.join(path, "") for name, path in sysconfig.get_paths().items() if "lib" in name}
)
_SITE = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_HANDLER = os.path.join("django", "core", "handlers", "base.py")
_CALLS_VIEW = ("_get_response", "_get_response_async")
_HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")


def origin() -> dict[str, object]:
    """`at` ("books/views.py:42"), `function`, and `template` ("books/list.html:7"), if known.

    A view that consists of library code has no line; the caller names the view instead.
    """
    found: dict[str, object] = {}
    frame = sys._getframe(1)
    for _ in range(_DEEPEST):
        if frame is None:
            break
        if "template" not in found:
            template = _template_line(frame)
            if template:
                found["template"] = template
        if _is_handler(frame):
            break
        if _is_site_code(frame.f_code.co_filename):
            found["at"] = f"{_shorten(frame.f_code.co_filename)}:{frame.f_lineno}"
            found["function"] = frame.f_code.co_name
            break
        frame = frame.f_back
    return found


def _is_site_code(path: str) -> bool:
    """True for a file of the site itself."""
    if path.startswith(("<", _HERE)) or path.startswith(_LIBRARIES):
        return False
    return not any(part in path for part in _SITE)


def _is_handler(frame: FrameType) -> bool:
    """True for the frame in which Django calls the view; frames outside it are middleware."""
    code = frame.f_code
    return code.co_name in _CALLS_VIEW and code.co_filename.endswith(_HANDLER)


def _template_line(frame: FrameType) -> str:
    """The template and line that Django renders in this frame, or an empty string."""
    if frame.f_code.co_name != "render_annotated":
        return ""
    node = frame.f_locals.get("self")
    name = getattr(getattr(node, "origin", None), "template_name", None)
    line = getattr(getattr(node, "token", None), "lineno", None)
    return f"{name}:{line}" if name and line else ""


def _shorten(path: str) -> str:
    """The path relative to the longest entry of `sys.path` that contains it."""
    above = [entry for entry in sys.path if entry and path.startswith(os.path.join(entry, ""))]
    return os.path.relpath(path, max(above, key=len)) if above else os.path.basename(path)
