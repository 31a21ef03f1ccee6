"""Normal forms of statements, and the quoting of descriptions."""

import unittest

from kneepoint_django.header import quoted
from kneepoint_django.statements import digest, normalise


class NormaliseTests(unittest.TestCase):
    """Values are removed, names are kept."""

    def test_forms(self) -> None:
        cases = {
            'SELECT "a"."b1" FROM t2 WHERE id = %s': 'SELECT "a"."b1" FROM t2 WHERE id = ?',
            "SELECT  1,\n -2.5e3, 0xFF": "SELECT ?, -?, ?",
            "WHERE n = 'it''s 5' AND m = 'a\\'b'": "WHERE n = ? AND m = ?",
            "WHERE id IN (%s, %s, 3)": "WHERE id IN (?)",
            "VALUES (%s, %s), (%s, %s)": "VALUES (?)",
            "SELECT 1 /* traceparent='00-ab' */": "SELECT ?",
            "SELECT x -- 'open": "SELECT x -- ?",
            "WHERE a = %(name)s LIMIT 21": "WHERE a = ? LIMIT ?",
            "SELECT `col1`, t1.c2 FROM `t1`": "SELECT `col1`, t1.c2 FROM `t1`",
        }
        for sql, expected in cases.items():
            self.assertEqual(normalise(sql), expected)

    def test_length_is_bounded(self) -> None:
        self.assertLessEqual(len(normalise("SELECT a" + ", b" * 100_000)), 2000)

    def test_an_open_string_at_the_cut_keeps_no_value(self) -> None:
        self.assertNotIn("secret", normalise("SELECT '" + "secret" * 5000))

    def test_digest_is_stable(self) -> None:
        self.assertEqual(digest("SELECT ?"), digest("SELECT ?"))
        self.assertRegex(digest("SELECT ?"), "^[0-9a-f]{12}$")
        self.assertNotEqual(digest("SELECT ?"), digest("SELECT ?, ?"))


class QuotedTests(unittest.TestCase):
    """No character can end the quotes."""

    def test_forms(self) -> None:
        self.assertEqual(quoted('a"b\\c'), '"a\\"b\\\\c"')
        self.assertEqual(quoted("café\r\nX: y"), '"caf???X: y"')
        self.assertEqual(len(quoted("x" * 999)), 202)
