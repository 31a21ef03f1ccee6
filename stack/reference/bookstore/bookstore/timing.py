"""The only import of the optional probe.

`timed("engine")` measures an outgoing call for the `Server-Timing` header when the package
`kneepoint_django` is installed, and does nothing otherwise: the site does not depend on it.
"""

from contextlib import AbstractContextManager, nullcontext

try:
    from kneepoint_django import timed
except ImportError:

    def timed(name: str) -> AbstractContextManager[None]:
        """Measure nothing: the probe is not installed."""
        return nullcontext()


__all__ = ["timed"]
