"""Logs: one line of JSON for each record, with the request's id, and never a local variable."""

from __future__ import annotations

import logging
import logging.config
import sys
from typing import Final, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

SECRET_NAMES: Final = (
    "password",
    "secret",
    "token",
    "cookie",
    "authorization",
    "passphrase",
    "key",
)
HIDDEN: Final = "[hidden]"
_HARMLESS: Final = frozenset({"key_id", "token_id", "idempotency_key_used", "keys_count"})


class OurHandler(logging.Handler):
    """The one handler that `configure` sets, and sets anew when it is called again."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line to what is standard error right now."""
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except RecursionError:
            raise
        except Exception:  # noqa: BLE001 - a log that can't be written stops no work
            self.handleError(record)


def configure(level: str, form: Literal["json", "text"]) -> None:
    """Send all logs of this process to standard error, each as one line."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    last: list[Processor]
    if form == "json":
        # Not `dict_tracebacks`: that one prints local variables, keys and tokens among them.
        transformer = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        last = [
            structlog.processors.ExceptionRenderer(transformer),
            structlog.processors.JSONRenderer(sort_keys=True),
        ]
    else:
        last = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = OurHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    # What others attached to look at the logs, such as a test, stays.
    root.handlers[:] = [old for old in root.handlers if not isinstance(old, OurHandler)]
    root.addHandler(handler)
    root.setLevel(level)
    for name in ("urllib3", "werkzeug", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def hide_secrets(logger: WrappedLogger, method_name: str, event: EventDict) -> EventDict:
    """Blot out any fact whose name says that it is a secret."""
    del logger, method_name
    for name in event:
        lowered = name.lower()
        if lowered in _HARMLESS or lowered.startswith("_"):
            continue
        if any(part in lowered for part in SECRET_NAMES):
            event[name] = HIDDEN
    return event
