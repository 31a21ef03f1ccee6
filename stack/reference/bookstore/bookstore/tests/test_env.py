"""Reading variables, and the settings made from them."""

from pathlib import Path
from unittest.mock import patch

from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase

from bookstore import databases, faults
from bookstore.env import Env
from bookstore.faults import Fault


class EnvTests(SimpleTestCase):
    """Valid values, and errors for others."""

    def test_values(self) -> None:
        env = Env({"A": "yes", "B": "12", "C": " x, y,", "D": "red", "E": ""})
        self.assertIs(env.flag("A", False), True)
        self.assertIs(env.flag("missing", True), True)
        self.assertEqual(env.count("B", 1), 12)
        self.assertEqual(env.count("E", 7), 7)
        self.assertEqual(env.names("C"), ["x", "y"])
        self.assertEqual(env.choice("D", "blue", ["red", "blue"]), "red")

    def test_errors_name_the_variable(self) -> None:
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
        entry = build(KP_SQLITE_PATH="/x/y.db")["default"]
        self.assertEqual(entry["NAME"], "/x/y.db")
        self.assertIn("journal_mode=WAL", entry["OPTIONS"]["init_command"])
        self.assertIs(entry["ATOMIC_REQUESTS"], True)

    def test_mysql_by_socket(self) -> None:
        entry = build(KP_DB="mysql", KP_DB_DRIVER="pymysql", KP_DB_SOCKET="/s")["default"]
        self.assertEqual(entry["OPTIONS"]["unix_socket"], "/s")
        self.assertEqual(entry["OPTIONS"]["isolation_level"], "serializable")

    def test_mysql_over_tcp(self) -> None:
        entry = build(
            KP_DB="mariadb",
            KP_DB_DRIVER="mysqlclient",
            KP_DB_HOST="db",
            KP_DB_PORT="3307",
            KP_DB_NAME="shop",
            KP_DB_USER="ada",
            KP_DB_PASSWORD="x",
            KP_ISOLATION="read committed",
            KP_CONN_MAX_AGE="0",
            KP_ATOMIC_REQUESTS="0",
        )["default"]
        named = [entry[key] for key in ("HOST", "PORT", "NAME", "USER", "PASSWORD")]
        self.assertEqual(named, ["db", "3307", "shop", "ada", "x"])
        self.assertEqual(entry["OPTIONS"]["isolation_level"], "read committed")
        self.assertEqual((entry["CONN_MAX_AGE"], entry["ATOMIC_REQUESTS"]), (0, False))

    def test_each_driver_has_its_own_option_for_no_tls(self) -> None:
        for driver, option in (("mysqlclient", "ssl_mode"), ("pymysql", "ssl_disabled")):
            variables = {"KP_DB": "mysql", "KP_DB_DRIVER": driver}
            self.assertNotIn(option, build(**variables)["default"]["OPTIONS"])
            self.assertIn(option, build(**variables, KP_DB_TLS="0")["default"]["OPTIONS"])

    def test_a_replica_is_a_second_connection_or_another_server(self) -> None:
        self.assertEqual(list(build()), ["default"])
        same = build(KP_REPLICA="1", KP_SQLITE_PATH="/x/y.db")
        self.assertEqual(same["replica"]["NAME"], "/x/y.db")
        self.assertEqual(same["replica"]["TEST"], {"MIRROR": "default"})
        self.assertEqual([same[a]["ATOMIC_REQUESTS"] for a in same], [True, False])
        mysql = {"KP_REPLICA": "1", "KP_DB": "mysql", "KP_DB_SOCKET": "/s"}
        self.assertEqual(build(**mysql)["replica"]["OPTIONS"]["unix_socket"], "/s")
        other = build(**mysql, KP_REPLICA_HOST="db2", KP_REPLICA_PORT="3309")
        self.assertEqual((other["replica"]["HOST"], other["replica"]["PORT"]), ("db2", "3309"))
        self.assertNotIn("unix_socket", other["replica"]["OPTIONS"])
        self.assertEqual(other["default"]["OPTIONS"]["unix_socket"], "/s")
        with self.assertRaisesMessage(ImproperlyConfigured, "KP_REPLICA_HOST"):
            build(KP_REPLICA="1", KP_REPLICA_PORT="3309")

    def test_connections_return_to_the_pool_after_each_request(self) -> None:
        with patch.object(databases, "find_spec", return_value=object()):
            entry = build(KP_DB="mysql", KP_DB_DRIVER="mysqlclient", KP_POOL="1", KP_POOL_SIZE="3")
        self.assertEqual(entry["default"]["ENGINE"], "dj_db_conn_pool.backends.mysql")
        self.assertEqual(entry["default"]["POOL_OPTIONS"]["POOL_SIZE"], 3)
        self.assertEqual(entry["default"]["CONN_MAX_AGE"], 0)

    def test_the_error_for_an_impossible_pool_contains_the_reason(self) -> None:
        with self.assertRaisesMessage(ImproperlyConfigured, "no back end for SQLite"):
            build(KP_POOL="1")
        installed = {"MySQLdb": object()}
        with (
            patch.object(databases, "find_spec", side_effect=installed.get),
            self.assertRaisesMessage(ImproperlyConfigured, "requirements-pool.txt"),
        ):
            build(KP_DB="mysql", KP_POOL="1")


def build(**variables: str) -> dict:
    """Build the `DATABASES` setting of these variables."""
    return databases.from_env(Env(variables), Path("/base"))
