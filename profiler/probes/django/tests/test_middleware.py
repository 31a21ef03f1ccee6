"""The header, measured on real requests to the small site."""

import json
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from django.contrib.auth.models import Group
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection, connections
from django.test import AsyncClient, Client, TestCase, TransactionTestCase
from django.test.runner import DiscoverRunner

from kneepoint_django import header, statements, timed
from kneepoint_django.accounting import Account, current

Metrics = dict[str, tuple[float, str]]
_METRIC = re.compile(r'([\w-]+)(?:;dur=([\d.]+))?(?:;desc="((?:[^"\\]|\\.)*)")?(?:, |$)')
_databases: list[tuple] = []


def setUpModule() -> None:
    """Create an in-memory database for this module."""
    _databases.extend(DiscoverRunner(verbosity=0).setup_databases())


def tearDownModule() -> None:
    """Remove the database."""
    DiscoverRunner(verbosity=0).teardown_databases(_databases)


def parse(response: object) -> Metrics:
    """Durations and descriptions by name."""
    text = response["Server-Timing"]
    found = [match for match in _METRIC.finditer(text) if match[1]]
    assert sum(len(match[0]) for match in found) == len(text), text
    return {match[1]: (float(match[2] or 0), match[3] or "") for match in found}


@contextmanager
def statement_file() -> Iterator[Path]:
    """A fresh file for statements, and a process that has written none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "statements.jsonl"
        variables = {"KNEEPOINT_STATEMENTS": str(path)}
        with patch.dict(os.environ, variables), patch.object(statements, "_written", set()):
            yield path


class HeaderTests(TestCase):
    """The header for each kind of view."""

    def test_plain(self) -> None:
        metrics = parse(self.client.get("/plain/7/"))
        self.assertEqual(metrics["db"], (0.0, "0 queries"))
        self.assertEqual(metrics["route"][1], "plain/<int:number>/")
        self.assertEqual(metrics["worker"][1], str(os.getpid()))
        self.assertGreater(metrics["app"][0], 0)
        self.assertGreater(metrics["cpu"][0], 0)
        for absent in ("n1", "cache", "tx"):
            self.assertNotIn(absent, metrics)

    def test_a_place_in_the_code_is_waited_for(self) -> None:
        with statement_file() as path:
            for where in ({"route": "api/"}, {"route": "api/"}, {"route": "list/", "at": "views.py:3"}, {"route": "x/"}):
                if statements.wanted("SELECT ?"):
                    statements.write("SELECT ?", where)
            routes = [json.loads(line)["route"] for line in path.read_text().splitlines()]
        self.assertEqual(routes, ["api/", "list/"])

    def test_repeated_statement_is_named(self) -> None:
        for number in range(5):
            Group.objects.create(name=f"group {number}")
        with statement_file() as path:
            metrics = parse(self.client.get("/groups/"))
            self.client.get("/groups/")
            lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.assertEqual(metrics["db"][1], "6 queries")
        self.assertEqual(metrics["n1"][1], f"5x {lines[0]['digest']}")
        self.assertEqual(len(lines), 1)
        self.assertRegex(lines[0]["sql"], r'"group_id" = \?')
        self.assertEqual(lines[0]["route"], "groups/")
        self.assertEqual(lines[0]["view"], "tests.site.urls.groups")
        self.assertEqual(lines[0]["template"], "groups.html:3")
        self.assertRegex(lines[0]["at"], r"^tests/site/urls\.py:\d+$")
        self.assertEqual(lines[0]["function"], "groups")

    def test_two_repetitions_are_not_worth_a_word(self) -> None:
        Group.objects.create(name="a")
        Group.objects.create(name="b")
        self.assertNotIn("n1", parse(self.client.get("/groups/")))

    def test_literals_are_one_statement(self) -> None:
        self.assertRegex(parse(self.client.get("/literals/"))["n1"][1], "^4x [0-9a-f]{12}$")

    def test_without_file_nothing_is_written(self) -> None:
        self.assertFalse(statements.wanted("SELECT ?"))

    def test_cache(self) -> None:
        self.assertEqual(parse(self.client.get("/cached/"))["cache"][1], "hits=2 misses=3")

    def test_calls(self) -> None:
        self.assertEqual(parse(self.client.get("/calls/"))["en_gine"][1], "2 calls")

    def test_quotes_are_escaped(self) -> None:
        route = parse(self.client.get('/quoted/"1/'))["route"][1]
        self.assertEqual(route, r"^quoted/(?P<what>[\"\\d]+)/$")

    def test_the_root_is_a_slash(self) -> None:
        self.assertEqual(parse(self.client.get("/"))["route"][1], "/")

    def test_missing_page_has_no_route(self) -> None:
        self.assertNotIn("route", parse(self.client.get("/nowhere/")))

    def test_the_sites_own_failure_is_measured(self) -> None:
        response = Client(raise_request_exception=False).get("/fails/")
        self.assertEqual(response.status_code, 500)
        self.assertEqual(parse(response)["route"][1], "fails/")
        self.assertIsNone(current.get())

    def test_a_failing_probe_is_not_seen(self) -> None:
        with (
            patch.object(header, "value", side_effect=ZeroDivisionError),
            self.assertLogs("kneepoint_django", "WARNING"),
        ):
            response = self.client.get("/plain/1/")
        self.assertEqual((response.status_code, response.content), (200, b"plain"))
        self.assertNotIn("Server-Timing", response)

    def test_an_unwritable_file_is_not_seen(self) -> None:
        variables = {"KNEEPOINT_STATEMENTS": "/nonexistent/folder/file"}
        with (
            patch.dict(os.environ, variables),
            patch.object(statements, "_written", set()),
            self.assertLogs("kneepoint_django", "WARNING"),
        ):
            response = self.client.get("/literals/")
        self.assertIn("n1", parse(response))

    def test_outside_a_request_nothing_is_counted(self) -> None:
        with timed("engine"):
            Group.objects.count()
        self.assertIsNone(current.get())

    def test_classes_are_wrapped_once(self) -> None:
        wrapped = LocMemCache.get
        Client().get("/plain/1/")
        self.assertIs(LocMemCache.get, wrapped)
        self.assertEqual(len(connection.execute_wrappers), len(set(connection.execute_wrappers)))

    async def test_async_stack(self) -> None:
        response = await AsyncClient().get("/awaits/")
        metrics = parse(response)
        self.assertEqual(metrics["db"][1], "1 queries")
        self.assertGreaterEqual(metrics["app"][0], 1.0)
        self.assertNotIn("cpu", metrics)

    def test_async_view_in_a_sync_stack(self) -> None:
        self.assertEqual(parse(self.client.get("/awaits/"))["db"][1], "1 queries")

    def test_an_earlier_header_is_kept(self) -> None:
        from kneepoint_django.middleware import _finish

        response = self.client.get("/plain/1/")
        first = response["Server-Timing"]
        _finish(None, response, Account(), 5, 5)
        self.assertTrue(response["Server-Timing"].startswith(f"{first}, app;dur="))


class TransactionTests(TransactionTestCase):
    """Real transactions instead of savepoints of the test."""

    def test_begin_and_commit_are_counted_apart(self) -> None:
        metrics = parse(self.client.get("/atomic/"))
        self.assertEqual(metrics["db"][1], "1 queries")
        self.assertEqual(metrics["tx"][1], "2 statements")

    def test_a_new_connection_in_a_new_thread_is_measured(self) -> None:
        counts: list[str] = []

        def visit() -> None:
            counts.append(parse(Client().get("/literals/"))["db"][1])
            connections.close_all()

        thread = threading.Thread(target=visit)
        thread.start()
        thread.join(timeout=20)
        self.assertEqual(counts, ["4 queries"])
