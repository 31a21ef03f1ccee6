"""The covers on disk, one file per book, below `MEDIA_ROOT`."""

import shutil
from pathlib import Path

from django.conf import settings

from books import covers
from books.models import Book
from seeding import rows


def draw_covers() -> int:
    """Draw the covers of all books, replacing existing files; return their number."""
    root = Path(settings.MEDIA_ROOT)
    folder = root / rows.COVERS
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    books = Book.objects.exclude(cover="").order_by("pk")
    names = books.values_list("cover", "isbn13", "title", "author__name")
    drawn = 0
    for name, isbn13, title, author in names.iterator(chunk_size=2000):
        (root / name).write_text(covers.svg(isbn13, title, author), encoding="utf-8")
        drawn += 1
    return drawn
