"""The `CACHES` setting, by `KP_CACHE`."""

from typing import Any

from bookstore.env import Env

_BACKENDS = {
    "locmem": "django.core.cache.backends.locmem.LocMemCache",
    "redis": "django.core.cache.backends.redis.RedisCache",
    "memcached": "django.core.cache.backends.memcached.PyMemcacheCache",
    "dummy": "django.core.cache.backends.dummy.DummyCache",
}
_LOCATIONS = {
    "locmem": "bookstore",
    "redis": "redis://127.0.0.1:6379/0",
    "memcached": "127.0.0.1:11211",
    "dummy": "",
}


def from_env(env: Env) -> dict[str, dict[str, Any]]:
    """The only cache of the site, at `KP_CACHE_URL` or the default address of its kind."""
    kind = env.choice("KP_CACHE", "locmem", _BACKENDS)
    entry: dict[str, Any] = {
        "BACKEND": _BACKENDS[kind],
        "LOCATION": env.text("KP_CACHE_URL") or _LOCATIONS[kind],
        "KEY_PREFIX": "kp",
    }
    if kind == "locmem":
        entry["OPTIONS"] = {"MAX_ENTRIES": 10_000}
    return {"default": entry}
