"""The `STORAGES` setting: static files beside the code, media on disk or in an object store."""

from importlib.util import find_spec
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from bookstore.env import Env

MEDIA_URL = "/media/"
_STATIC = {"BACKEND": "bookstore.staticfiles.HashedStaticFilesStorage"}
_DISK = {"BACKEND": "django.core.files.storage.FileSystemStorage"}


def from_env(env: Env) -> dict[str, dict[str, Any]]:
    """Media in the store that `KP_OBJECTS_URL` names, else below `MEDIA_ROOT`."""
    url = env.text("KP_OBJECTS_URL")
    media = _DISK if not url else {"BACKEND": "bookstore.objects.ObjectStorage"} | _store(env, url)
    return {"default": media, "staticfiles": _STATIC}


def _store(env: Env, url: str) -> dict[str, Any]:
    """Address and keys of the store. The default keys are public: the store is temporary."""
    if find_spec("storages") is None:
        raise ImproperlyConfigured("KP_OBJECTS_URL needs the packages of requirements-objects.txt")
    if not url.startswith(("http://", "https://")):
        raise ImproperlyConfigured(
            f"KP_OBJECTS_URL={url!r} is not a URL: use for example http://127.0.0.1:9000"
        )
    options = {
        "endpoint_url": url,
        "bucket_name": env.text("KP_OBJECTS_BUCKET") or "media",
        "access_key": env.text("KP_OBJECTS_KEY") or "kneepoint",
        "secret_key": env.text("KP_OBJECTS_SECRET") or "throw-away-objects",
        "region_name": "us-east-1",
        "addressing_style": "path",
    }
    return {"OPTIONS": options}
