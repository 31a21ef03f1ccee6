"""`export_books --out FILE`: the books as JSON lines, for the engine's index."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from books.models import Book


class Command(BaseCommand):
    """Write one line per book, by key; the file is replaced at once or not at all."""

    help = "Write all books as JSON lines for the engine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--out`."""
        parser.add_argument("--out", type=Path, required=True, help="the file to write")

    def handle(self, *, out: Path, **options) -> None:
        """Write to a temporary file, then rename it."""
        rows = Book.objects.order_by("pk").values_list(
            "pk", "title", "author__name", "summary", "genre"
        )
        partial = out.with_name(f"{out.name}.part")
        names = ("id", "title", "author", "summary", "genre")
        count = 0
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            for row in rows.iterator(chunk_size=2000):
                line = dict(zip(names, row, strict=True))
                file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
                count += 1
        os.replace(partial, out)
        self.stdout.write(f"{count} books written to {out}")
