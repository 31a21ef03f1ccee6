"""gunicorn of the reference site; rendered by the stack driver (see README.md beside it)."""

import ctypes
import os
import signal
import sys

bind = ["0.0.0.0:8000"]
workers = 2
threads = 1
worker_class = "sync"
backlog = 2048
timeout = 60
graceful_timeout = 5
keepalive = 5
max_requests = 0
preload_app = False
# Only signals of the supervisor control this server.
control_socket_disable = True
# The heartbeat file must not be on a disk.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
chdir = "/srv/kneepoint/bookstore"
pythonpath = "" or None
accesslog = None
errorlog = "/srv/kneepoint/logs/gunicorn-error.log"
loglevel = "info"
proc_name = "gunicorn"
# The variables of the site, as JSON strings, so that every value is passed unchanged.
raw_env = [
]


def _die_with_parent():
    """Ask Linux to kill this process when its parent is gone, however the parent ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def on_starting(server):
    """The master goes with the supervisor."""
    _die_with_parent()


def post_fork(server, worker):
    """A worker goes with the master; otherwise it would notice only after half its timeout."""
    _die_with_parent()
    if os.getppid() != worker.ppid:
        sys.exit(0)
