"""The `DATABASES` setting, built from `KP_DB…` variables.

SQLite needs no variable and is the default. MySQL and MariaDB use the C driver when it is
installed, else PyMySQL in its place.
"""

import copy
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from bookstore.env import Env

_ISOLATION = ["serializable", "repeatable read", "read committed", "read uncommitted"]
Entry = dict[str, Any]


def from_env(env: Env, base_dir: Path) -> dict[str, Entry]:
    """The default database, and with `KP_REPLICA` the one that read-only views read from."""
    kind = env.choice("KP_DB", "sqlite", ["sqlite", "mysql", "mariadb"])
    entry = _sqlite(env, base_dir) if kind == "sqlite" else _mysql(env)
    entry["ATOMIC_REQUESTS"] = env.flag("KP_ATOMIC_REQUESTS", True)
    entry["CONN_MAX_AGE"] = env.count("KP_CONN_MAX_AGE", 600)
    if env.flag("KP_POOL", False):
        _use_pool(env, kind, entry)
    if not env.flag("KP_REPLICA", False):
        return {"default": entry}
    return {"default": entry, "replica": _replica(env, entry)}


def _sqlite(env: Env, base_dir: Path) -> Entry:
    """SQLite with a write-ahead log, so that readers never wait for the writer."""
    path = env.text("KP_SQLITE_PATH") or str(base_dir / "var" / "bookstore.sqlite3")
    # Tests need a file too: in a database in memory, two writers cannot wait for each other.
    test = Path(tempfile.gettempdir(), f"bookstore-test-{os.getpid()}.sqlite3")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "TEST": {"NAME": str(test)},
        "OPTIONS": {
            "timeout": 10,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def _mysql(env: Env) -> Entry:
    """MySQL or MariaDB over TCP, or over `KP_DB_SOCKET` when it is set."""
    driver = env.choice("KP_DB_DRIVER", "auto", ["auto", "mysqlclient", "pymysql"])
    pymysql = driver == "pymysql" or (driver == "auto" and find_spec("MySQLdb") is None)
    if pymysql:
        _install_pymysql_as_mysqldb()
    options: dict[str, Any] = {
        "charset": "utf8mb4",
        "isolation_level": env.choice("KP_ISOLATION", "serializable", _ISOLATION),
    }
    if not env.flag("KP_DB_TLS", True):
        options |= {"ssl_disabled": True} if pymysql else {"ssl_mode": "DISABLED"}
    socket = env.text("KP_DB_SOCKET")
    if socket:
        options["unix_socket"] = socket
    return {
        "ENGINE": "django.db.backends.mysql",
        "NAME": env.text("KP_DB_NAME") or "bookstore",
        "HOST": "localhost" if socket else env.text("KP_DB_HOST") or "127.0.0.1",
        "PORT": env.text("KP_DB_PORT"),
        "USER": env.text("KP_DB_USER") or "root",
        "PASSWORD": env.text("KP_DB_PASSWORD"),
        "OPTIONS": options,
    }


def _use_pool(env: Env, kind: str, entry: Entry) -> None:
    """Keep connections in a pool per process instead of one per thread."""
    if kind == "sqlite":
        raise ImproperlyConfigured("KP_POOL=1 has no back end for SQLite: use KP_DB=mysql")
    if find_spec("dj_db_conn_pool") is None:
        raise ImproperlyConfigured("KP_POOL=1 needs the packages of requirements-pool.txt")
    size = max(1, env.count("KP_POOL_SIZE", 10))
    entry["ENGINE"] = "dj_db_conn_pool.backends.mysql"
    entry["POOL_OPTIONS"] = {"POOL_SIZE": size, "MAX_OVERFLOW": size}
    # A connection returns to the pool only when Django closes it.
    entry["CONN_MAX_AGE"] = 0


def _replica(env: Env, default: Entry) -> Entry:
    """The server that the variables name, by default the same server by a second connection.

    Its reads are single statements, so views need no transaction.
    """
    entry = copy.deepcopy(default)
    entry["ATOMIC_REQUESTS"] = False
    entry["TEST"] = {"MIRROR": "default"}
    host, port = env.text("KP_REPLICA_HOST"), env.text("KP_REPLICA_PORT")
    if (host or port) and "USER" not in entry:
        raise ImproperlyConfigured("KP_REPLICA_HOST and KP_REPLICA_PORT need KP_DB=mysql")
    if host or port:
        entry["OPTIONS"].pop("unix_socket", None)
        entry["HOST"] = host or "127.0.0.1"
        entry["PORT"] = port or entry["PORT"]
    return entry


def _install_pymysql_as_mysqldb() -> None:
    """Install PyMySQL as the module MySQLdb, with a version that Django accepts."""
    import pymysql

    pymysql.version_info = (2, 2, 4, "final", 0)
    pymysql.install_as_MySQLdb()
