"""The `DATABASES` entry for each supported database, built from `KP_DB…` variables.

SQLite needs nothing and is the default. For MySQL and MariaDB the C driver is used when it is
installed, else PyMySQL, which then stands in for it.
"""

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bookstore.env import Env

_ISOLATION = ["serializable", "repeatable read", "read committed", "read uncommitted"]


def from_env(env: Env, base_dir: Path) -> dict[str, Any]:
    """The settings of the default database."""
    kind = env.choice("KP_DB", "sqlite", ["sqlite", "mysql", "mariadb"])
    entry = _sqlite(env, base_dir) if kind == "sqlite" else _mysql(env)
    entry["ATOMIC_REQUESTS"] = env.flag("KP_ATOMIC_REQUESTS", True)
    entry["CONN_MAX_AGE"] = env.count("KP_CONN_MAX_AGE", 600)
    return entry


def _sqlite(env: Env, base_dir: Path) -> dict[str, Any]:
    """SQLite with a write-ahead log, so that readers never wait for the writer."""
    path = env.text("KP_SQLITE_PATH") or str(base_dir / "var" / "bookstore.sqlite3")
    # Tests need a file too: a database in memory cannot show two writers waiting for each other.
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


def _mysql(env: Env) -> dict[str, Any]:
    """MySQL or MariaDB over TCP, or over `KP_DB_SOCKET` when it is set."""
    driver = env.choice("KP_DB_DRIVER", "auto", ["auto", "mysqlclient", "pymysql"])
    if driver == "pymysql" or (driver == "auto" and find_spec("MySQLdb") is None):
        _stand_in_pymysql()
    options: dict[str, Any] = {
        "charset": "utf8mb4",
        "isolation_level": env.choice("KP_ISOLATION", "serializable", _ISOLATION),
    }
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


def _stand_in_pymysql() -> None:
    """Let PyMySQL answer for MySQLdb; Django checks the version it claims."""
    import pymysql

    pymysql.version_info = (2, 2, 4, "final", 0)
    pymysql.install_as_MySQLdb()
