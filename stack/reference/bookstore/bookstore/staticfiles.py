"""Static files with a hash of their content in the name, so they can be cached for ever."""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class HashedStaticFilesStorage(ManifestStaticFilesStorage):
    """Hashed names once `collectstatic` has run; plain names before (tests, first start)."""

    def stored_name(self, name: str) -> str:
        """The hashed name, or `name` itself without a manifest."""
        try:
            return super().stored_name(name)
        except ValueError:
            return name
