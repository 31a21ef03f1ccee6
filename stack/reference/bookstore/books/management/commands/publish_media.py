"""`publish_media`: put the files below `MEDIA_ROOT` into the object store."""

from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError

_PARALLEL_UPLOADS = 8


class Command(BaseCommand):
    """Upload all files; existing objects are replaced."""

    help = "Put the covers into the object store that KP_OBJECTS_URL names."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--at-once`."""
        parser.add_argument(
            "--at-once", type=int, default=_PARALLEL_UPLOADS, help="number of parallel uploads"
        )

    def handle(self, *, at_once: int, **options) -> None:
        """Upload, then print the number of files and bytes."""
        if not settings.MEDIA_IN_STORE:
            raise CommandError("there is no object store: set KP_OBJECTS_URL")
        root = Path(settings.MEDIA_ROOT)
        files = sorted(path for path in root.rglob("*") if path.is_file())
        if not files:
            raise CommandError(f"there is nothing below {root}: seed the site first")
        started = monotonic()
        default_storage.make_bucket()
        with ThreadPoolExecutor(max(1, at_once)) as pool:
            names = (path.relative_to(root).as_posix() for path in files)
            total = sum(pool.map(default_storage.publish, names, files))
        seconds = monotonic() - started
        self.stdout.write(f"published {len(files)} files, {total} bytes, in {seconds:.1f} s")
