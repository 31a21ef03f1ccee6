"""Settings that add the probe to a site without editing it.

Set `DJANGO_SETTINGS_MODULE=kneepoint_django.overlay` and `KNEEPOINT_DJANGO_SETTINGS` to the
site's own settings module. This has no effect on a site whose `wsgi.py` assigns
`DJANGO_SETTINGS_MODULE` instead of using `setdefault`; add the middleware manually there.
"""

import importlib
import os

from django.core.exceptions import ImproperlyConfigured

_NAME = os.environ.get("KNEEPOINT_DJANGO_SETTINGS", "")
if not _NAME or __name__ == _NAME:
    raise ImproperlyConfigured(
        "KNEEPOINT_DJANGO_SETTINGS must name the settings module of the site, e.g. shop.settings"
    )
_site = importlib.import_module(_NAME)
globals().update({name: getattr(_site, name) for name in dir(_site) if name.isupper()})

_PROBE = "kneepoint_django.ServerTimingMiddleware"
_own = list(getattr(_site, "MIDDLEWARE", []))
MIDDLEWARE = _own if _PROBE in _own else [_PROBE, *_own]
