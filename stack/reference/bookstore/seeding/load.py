"""Replaces the data in the database by the seed data, and computes a digest of it."""

import datetime
import hashlib
import time
from collections.abc import Iterable, Iterator
from itertools import islice

from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

from books.models import Author, Book
from orders.models import Confirmation, Order, OrderItem
from reviews.models import Review
from seeding import pictures, rows

# One hash for all users, with a fixed salt and the default number of rounds of the site.
_SALT = "kneepointreference"
_ROUNDS = 1000
_BATCH = 2000
_DIGESTED = [User, Author, Book, Review, Order, OrderItem]
_CLEARED = [
    Confirmation,
    *_DIGESTED,
    Session,
    LogEntry,
    User.groups.through,
    User.user_permissions.through,
]
# The migration table holds times; a fixed time makes two dumps comparable.
_MIGRATED = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)


def load(size: rows.Size, seed: int) -> float:
    """Replace the data of the site and its covers on disk; return the seconds it took."""
    started = time.monotonic()
    hashed = PBKDF2PasswordHasher().encode(rows.PASSWORD, _SALT, _ROUNDS)
    _clear_tables()
    with transaction.atomic():
        _insert(User, rows.users(size, hashed))
        _insert(Author, rows.authors(size, seed))
        _insert(Book, rows.books(size, seed))
        _insert(Review, rows.reviews(size, seed))
        MigrationRecorder.Migration.objects.update(applied=_MIGRATED)
    pictures.draw_covers()
    cache.clear()
    return time.monotonic() - started


def digest() -> str:
    """SHA-256 of all rows of the site, table by table, by key."""
    total = hashlib.sha256()
    for model in _DIGESTED:
        names = [field.attname for field in model._meta.concrete_fields]
        total.update(f"{model._meta.label} {names}\n".encode())
        for row in model.objects.order_by("pk").values_list(*names).iterator(chunk_size=_BATCH):
            total.update(f"{tuple(map(str, row))}\n".encode())
    return total.hexdigest()


def _clear_tables() -> None:
    """Delete all rows and reset the sequences of keys."""
    tables = [model._meta.db_table for model in _CLEARED]
    statements = connection.ops.sql_flush(no_style(), tables, reset_sequences=True)
    connection.ops.execute_sql_flush(statements)


def _insert(model: type[Model], objects: Iterable[Model]) -> None:
    """Insert batch by batch, so that a large table never has to fit into memory."""
    for batch in _batches(objects):
        model.objects.bulk_create(batch)


def _batches(objects: Iterable[Model]) -> Iterator[list[Model]]:
    """Lists of at most `_BATCH` objects."""
    source = iter(objects)
    while batch := list(islice(source, _BATCH)):
        yield batch
