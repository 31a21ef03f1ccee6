"""`seed --size S|M|L --seed N`: deterministic data for the whole site."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from seeding import load, rows


class Command(BaseCommand):
    """Replace all books, authors, reviews, users and orders."""

    help = "Replace the data of the site by data generated from one seed number."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--size`, `--seed` and `--digest`."""
        parser.add_argument("--size", choices=sorted(rows.SIZES), default="S")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--digest", action="store_true", help="print a digest of all rows")

    def handle(self, *, size: str, seed: int, digest: bool, **options) -> None:
        """Load the data, then print the number of rows."""
        wanted = rows.SIZES[size]
        seconds = load.load(wanted, seed)
        self.stdout.write(
            f"seed {seed}, size {size}: {wanted.books} books, {wanted.authors} authors, "
            f"{wanted.reviews} reviews, {wanted.users} users in {seconds:.1f} s"
        )
        if digest:
            self.stdout.write(f"sha256 {load.digest()}")
