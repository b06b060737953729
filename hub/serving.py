"""How gunicorn serves a node: its configuration file is this module (`-c python:hub.serving`)."""

from __future__ import annotations

import logging
import os
import shutil
from typing import Any, Final

from gunicorn.glogging import Logger
from prometheus_client import multiprocess

from federation.work import worker as federation_worker
from hub import collecting, logs
from hub.settings import load_settings

WITH_WORKER: Final = "_TOCSIN_SERVE_WITH_WORKER"
METRICS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"

_settings = load_settings()
_with_worker: Final = os.environ.get(WITH_WORKER) == "1"
logs.configure(_settings.log_level, _settings.log_format)


class OurLogger(Logger):  # type: ignore[misc]
    """Gunicorn's log, in the same lines as ours."""

    def setup(self, cfg: Any) -> None:
        """Hand everything to the root logger, which `logs.configure` set up."""
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers[:] = []
            log.propagate = True
        self.error_log.setLevel(logging.INFO)


wsgi_app = "hub.app:from_environment()"
bind = [address.strip() for address in _settings.bind.split(",")]
workers = 1 if _with_worker and _settings.on_sqlite else _settings.web_processes
threads = _settings.web_threads
worker_class = "gthread"
logger_class = OurLogger
control_socket_disable = True
forwarded_allow_ips = ""  # whom to believe is decided in `hub.edge`, for all servers alike
graceful_timeout = 30
keepalive = 5
timeout = 60
umask = 0o077


def post_worker_init(worker: Any) -> None:
    """Start the loop that does what waits, beside the requests of this process."""
    collecting.settle()
    if _with_worker:
        worker.tocsin_loop = federation_worker.start_in_thread(worker.wsgi)


def worker_exit(server: Any, worker: Any) -> None:
    """End what the loop has under way before the process ends."""
    del server
    loop = getattr(worker, "tocsin_loop", None)
    if loop is not None:
        loop.stop()


def child_exit(server: Any, worker: Any) -> None:
    """Forget the gauges of a process that ended; its counters stay."""
    del server
    if os.environ.get(METRICS_FOLDER):
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Remove the folder in which the processes kept their figures."""
    del server
    folder = os.environ.get(METRICS_FOLDER)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
