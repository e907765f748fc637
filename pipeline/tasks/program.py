"""What the `luigi` program needs to serve this package well, wherever it is started.

Called once when `luigi --module pipeline` imports the package: the documented exit codes where no
luigi.cfg sets them, the in-process scheduler where no luigid answers, one sentence where Luigi would
print a traceback.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import warnings
from types import FrameType, TracebackType

import luigi.configuration
import luigi.parameter
import luigi.task_register

from pipeline.errors import KitchenError
from pipeline.tasks import day as day  # registers the tasks with Luigi
from pipeline.tasks import heartbeat as heartbeat

DEFAULTS = {
    "core": {
        "log_level": "WARNING",
        "autoload_range": "false",
        # Luigi's own lock knows the command line alone, yet two kitchens may run the same one; the
        # folder of a published date is locked where it matters.
        "no_lock": "true",
        "rpc_retry_attempts": "3",
        "rpc_retry_wait": "1",
        "rpc_connect_timeout": "5",
    },
    "worker": {
        "check_complete_on_run": "true",
        "task_process_context": "pipeline.tasks.forked.DiesWithItsWorker",
    },
    "scheduler": {"stable_done_cooldown_secs": "0"},
    "retcode": {
        "already_running": "10",
        "missing_data": "20",
        "not_run": "25",
        "task_failed": "30",
        "scheduling_error": "35",
        "unhandled_exception": "40",
    },
}
"""What luigi.cfg says too; set here for a run from a folder where Luigi finds no luigi.cfg."""

PROBE_SECONDS = 0.5
WRONG_COMMAND_LINE = 2


def prepare() -> None:
    """Makes the process ready. Nothing that the user's own luigi.cfg or command line says is changed."""
    _set_defaults()
    _speak_plainly()
    _fall_back_to_local_scheduler()
    _end_on_sigterm()


def _end_on_sigterm() -> None:
    """SIGTERM ends a run as Ctrl-C does: its children are stopped, then itself, with exit code 143."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, frame: FrameType | None) -> None:
    # Only what a fork left running; a task of this very process leaves nothing that counts.
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(128 + number)


def _set_defaults() -> None:
    # Luigi reads its rpc options from [core], yet warns that its class of that name does not know them.
    warnings.filterwarnings("ignore", ".*'rpc_", luigi.parameter.UnconsumedParameterWarning)
    settings = luigi.configuration.get_config()
    for section, options in DEFAULTS.items():
        for option, value in options.items():
            if not settings.has_option(section, option):
                settings.set(section, option, value)


def _fall_back_to_local_scheduler() -> None:
    settings = luigi.configuration.get_config()
    chosen = any(a.startswith(("--local-scheduler", "--scheduler")) for a in sys.argv)
    if chosen or settings.getboolean("core", "local_scheduler", False) or "--help" in sys.argv:
        return
    if settings.get("core", "default_scheduler_url", ""):
        return  # several hosts share the work: never run beside their scheduler
    host = settings.get("core", "default_scheduler_host", "localhost")
    port = settings.getint("core", "default_scheduler_port", 8082)
    try:
        socket.create_connection((host, port), PROBE_SECONDS).close()
    except OSError:
        settings.set("core", "local_scheduler", "true")
        logging.getLogger("kitchen").warning(
            "no luigid answers on %s:%d, so this run schedules for itself and no dashboard shows it",
            host,
            port,
        )


class OneSentence(logging.Filter):
    """Turns a log record that carries an expected error's traceback into the error's sentence."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps every record but Luigi's advice on external tasks, which a sentence of ours replaces."""
        if isinstance(record.msg, str) and record.msg.startswith("Data for %s does not exist"):
            return False
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        sentence = _sentence(error)
        if sentence is not None:
            record.msg, record.args = sentence, ()
            record.exc_info = record.exc_text = None
        return True


def _sentence(error: BaseException | None) -> str | None:
    if isinstance(error, KitchenError):
        return str(error)
    if isinstance(error, luigi.parameter.MissingParameterException):
        return f"{error}; `luigi --module pipeline Snapshot --date 2025-01-02` is a whole command"
    if isinstance(error, luigi.task_register.TaskClassException):
        return " ".join(str(error).split())
    return None


def _speak_plainly() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    ours = logging.getLogger("kitchen")
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    ours.propagate = False
    logging.getLogger("luigi-interface").addFilter(OneSentence())
    sys.excepthook = _excepthook


def _excepthook(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Luigi lets a misspelt task name escape as a traceback and exit 1; it is a wrong command line."""
    sentence = _sentence(error)
    if sentence is None:
        sys.__excepthook__(kind, error, trace)
        return
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
    os._exit(error.exit_code if isinstance(error, KitchenError) else WRONG_COMMAND_LINE)
