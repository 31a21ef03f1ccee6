"""Reading variables, and the settings made from them."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase

from bookstore import databases, faults
from bookstore.env import Env
from bookstore.faults import Fault


class EnvTests(SimpleTestCase):
    """Values and their refusals."""

    def test_values(self) -> None:
        env = Env({"A": "yes", "B": "12", "C": " x, y,", "D": "red", "E": ""})
        self.assertIs(env.flag("A", False), True)
        self.assertIs(env.flag("missing", True), True)
        self.assertEqual(env.count("B", 1), 12)
        self.assertEqual(env.count("E", 7), 7)
        self.assertEqual(env.names("C"), ["x", "y"])
        self.assertEqual(env.choice("D", "blue", ["red", "blue"]), "red")

    def test_refusals_name_the_variable(self) -> None:
        env = Env({"A": "perhaps", "B": "-1", "D": "green"})
        with self.assertRaisesMessage(ImproperlyConfigured, "A='perhaps'"):
            env.flag("A", False)
        with self.assertRaisesMessage(ImproperlyConfigured, "B='-1'"):
            env.count("B", 1)
        with self.assertRaisesMessage(ImproperlyConfigured, "use one of red, blue"):
            env.choice("D", "blue", ["red", "blue"])

    def test_faults(self) -> None:
        self.assertEqual(faults.parse(["n_plus_one"]), {Fault.N_PLUS_ONE})
        with self.assertRaisesMessage(ImproperlyConfigured, "'n+1' is unknown"):
            faults.parse(["n+1"])


class DatabaseTests(SimpleTestCase):
    """One entry for each database."""

    def test_sqlite_is_the_default(self) -> None:
        entry = databases.from_env(Env({"KP_SQLITE_PATH": "/x/y.db"}), Path("/base"))
        self.assertEqual(entry["NAME"], "/x/y.db")
        self.assertIn("journal_mode=WAL", entry["OPTIONS"]["init_command"])
        self.assertIs(entry["ATOMIC_REQUESTS"], True)

    def test_mysql_by_socket(self) -> None:
        env = Env({"KP_DB": "mysql", "KP_DB_DRIVER": "pymysql", "KP_DB_SOCKET": "/s"})
        entry = databases.from_env(env, Path("/base"))
        self.assertEqual(entry["OPTIONS"]["unix_socket"], "/s")
        self.assertEqual(entry["OPTIONS"]["isolation_level"], "serializable")
