"""Structured logs: one line each, for people or as JSON, with the values as fields.

Secrets are never given to a logger; what outside parties sent is written as an escaped value.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any, Literal, get_args

LogFormat = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[str, ...] = get_args(Level)
_ROOT = "chaindeck"


class Logger:
    """Writes messages with named values: `log.info("block connected", height=7)`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(f"{_ROOT}.{name}")

    def debug(self, message: str, **values: object) -> None:
        self._logger.debug(message, extra={"values": values})

    def info(self, message: str, **values: object) -> None:
        self._logger.info(message, extra={"values": values})

    def warning(self, message: str, **values: object) -> None:
        self._logger.warning(message, extra={"values": values})

    def error(self, message: str, error: BaseException, **values: object) -> None:
        """Log what nobody expected, with its traceback."""
        self._logger.error(message, exc_info=error, extra={"values": values})


def get_logger(name: str) -> Logger:
    return Logger(name)


def set_up_logs(level: str, log_format: LogFormat) -> None:
    """Write all logs of this process to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if log_format == "json" else _TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        values: dict[str, Any] = getattr(record, "values", {})
        fields = "".join(f" {name}={json.dumps(value)}" for name, value in values.items())
        trouble = "\n" + self.formatException(record.exc_info) if record.exc_info else ""
        return (
            f"{_moment(record)} {record.levelname.lower():7} {record.name}: "
            f"{record.getMessage()}{fields}{trouble}"
        )


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        values: dict[str, Any] = getattr(record, "values", {})
        line = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **values,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _moment(record: logging.LogRecord) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{whole}.{int(record.msecs):03}Z"
