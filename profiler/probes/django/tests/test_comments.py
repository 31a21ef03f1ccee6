"""The comment that names the route, and the characters that must never occur in it."""

from types import SimpleNamespace
from unittest import TestCase
from unittest.mock import patch

from kneepoint_django import comments, database
from kneepoint_django.accounting import Account, current


def request(route: str | None) -> SimpleNamespace:
    """A request whose route is resolved, or not yet."""
    return SimpleNamespace(resolver_match=None if route is None else SimpleNamespace(route=route))


def executed(sql: str, route: str | None, vendor: str = "mysql", many: bool = False) -> str:
    """The statement that reaches the database."""
    sent: list[str] = []
    token = current.set(Account(request(route)))
    try:
        with patch.object(database, "_COMMENTS", True):
            context = {"connection": SimpleNamespace(vendor=vendor)}
            database._execute(lambda sql, *_: sent.append(sql), sql, (), many, context)
    finally:
        current.reset(token)
    return sent[0]


class CommentTests(TestCase):
    """Tests through the wrapper of every connection."""

    def test_route_is_named_at_the_end(self) -> None:
        self.assertEqual(executed("SELECT 1", "books/<int:pk>/"), "SELECT 1 /*route='books/<int:pk>/'*/")
        self.assertEqual(executed("SELECT 1", ""), "SELECT 1 /*route='/'*/")

    def test_statements_that_stay_as_they_are(self) -> None:
        for sql, route, vendor, many in (
            ("SELECT 1", None, "mysql", False),
            ("SELECT 1", "a/", "sqlite", False),
            ("INSERT INTO t VALUES (%s)", "a/", "mysql", True),
            ("SELECT 1; ", "a/", "mysql", False),
        ):
            self.assertEqual(executed(sql, route, vendor, many), sql)

    def test_nothing_gets_out_of_the_comment(self) -> None:
        sent = executed("SELECT 1", r"^a*/(?P<x>'%s\')$")
        inner = sent.removeprefix("SELECT 1 /*route='").removesuffix("'*/")
        for end in ("*/", "'", "%", "\\", "?"):
            self.assertNotIn(end, inner)

    def test_only_when_asked_for(self) -> None:
        with patch.dict("os.environ", {"KNEEPOINT_SQL_ROUTES": "1"}):
            self.assertTrue(comments.wanted())
        with patch.dict("os.environ"):
            self.assertFalse(comments.wanted())
