"""What the `luigi` program needs to serve this package well, wherever it is started.

Called once when `luigi --module pipeline` imports the package: the documented exit codes where no
luigi.cfg sets them, the in-process scheduler where no luigid answers, one sentence where Luigi would
print a traceback.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import warnings
from types import FrameType, TracebackType
from typing import NoReturn

import luigi.configuration
import luigi.parameter
import luigi.task_register

from pipeline import windows
from pipeline.errors import ConfigError, ExitCode, KitchenError
from pipeline.tasks import day as day  # registers the tasks with Luigi
from pipeline.tasks import exits, lost_luigid, luigid_client
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
        "rpc_log_retries": "false",
        "rpc_connect_timeout": "5",
    },
    "worker": {
        "check_complete_on_run": "true",
        "task_process_context": "pipeline.tasks.forked.DiesWithItsWorker",
    },
    "scheduler": {"stable_done_cooldown_secs": "0"},
    "retcode": {
        "already_running": str(ExitCode.LOCKED),
        "missing_data": str(ExitCode.PENDING),
        "not_run": str(ExitCode.NOT_GRANTED),
        "task_failed": str(ExitCode.FAILED),
        "scheduling_error": str(ExitCode.SCHEDULING_FAILED),
        "unhandled_exception": str(ExitCode.BAD_VALUE),
    },
}
"""What luigi.cfg says too; set here for a run from a folder where Luigi finds no luigi.cfg."""

PROBE_SECONDS = 0.5
GRACE_SECONDS = 10
"""So long a run that was asked to end may clear away."""


def prepare() -> None:
    """Makes the process ready. Nothing that the user's own luigi.cfg or command line says is changed."""
    _refuse_windows()
    _set_defaults()
    _speak_plainly()
    _fall_back_to_local_scheduler()
    lost_luigid.exit_when_scheduler_lost()
    exits.tell_errors_apart()
    _end_on_signals()
    # What is loaded by now stays to the end. Looking through it once more at exit costs as much as a
    # finished day, and writing on it in every forked worker costs that worker's own copy.
    gc.freeze()


def _refuse_windows() -> None:
    try:
        windows.require_unix("a build")
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(int(error.exit_code)) from None


class Stopped(KeyboardInterrupt):
    """A signal asked the run to end: what is half-made is cleared away as after Ctrl-C."""

    def __init__(self, number: int) -> None:
        """Of the signal."""
        super().__init__(number)
        self.number = number


def _end_on_signals() -> None:
    """SIGTERM and SIGHUP end a run as Ctrl-C does. One that is ignored, as under nohup, stays so."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _asked_to_end)


def _asked_to_end(number: int, frame: FrameType | None) -> None:
    # Python drops an exception that meets it in a destructor, and clearing away may hang: the end is sure.
    last = threading.Timer(GRACE_SECONDS, _exit, [128 + number])
    last.daemon = True
    last.start()
    raise Stopped(number)


def say_stopped(error: KeyboardInterrupt) -> NoReturn:
    """Ends the process with one sentence and 128 + the signal's number, its children first."""
    number = error.number if isinstance(error, Stopped) else signal.SIGINT
    sys.stderr.write(
        f"stopped by {signal.Signals(number).name}: nothing half-made counts, and the same command"
        " goes on where this run was\n"
    )
    sys.stderr.flush()
    _exit(128 + number)


def _exit(code: int) -> NoReturn:
    # Only what a fork left running; Luigi has ended its own children by then.
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(code)


def _set_defaults() -> None:
    # Luigi reads these options from [core], yet warns that its class of that name does not know them.
    warnings.filterwarnings(
        "ignore", ".*'(rpc_|default_scheduler_)", luigi.parameter.UnconsumedParameterWarning
    )
    settings = luigi.configuration.get_config()
    for section, options in DEFAULTS.items():
        for option, value in options.items():
            if not settings.has_option(section, option):
                settings.set(section, option, value)


def choose_scheduler(where: str) -> None:
    """Schedules at a luigid's address, or in this process (`local`), whatever luigi.cfg says."""
    luigid_client.choose(where)
    settings = luigi.configuration.get_config()
    is_local = where == "local"
    settings.set("core", "local_scheduler", "true" if is_local else "false")
    settings.set("core", "default_scheduler_url", "" if is_local else where)


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
    if isinstance(error, MemoryError):
        return (
            f"out of memory ({error or 'no more is given'}): nothing half-made counts; give the run"
            " more, or fewer --workers, and ask again"
        )
    return None


def _speak_plainly() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    ours = logging.getLogger("kitchen")
    ours.addHandler(handler)
    if ours.level == logging.NOTSET:  # else somebody asked for more or less
        ours.setLevel(logging.INFO)
    ours.propagate = False
    logging.getLogger("luigi-interface").addFilter(OneSentence())
    sys.excepthook = _excepthook


def _excepthook(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Luigi lets a misspelt task name escape as a traceback and exit 1; it is a wrong command line."""
    if isinstance(error, KeyboardInterrupt):
        say_stopped(error)
    sentence = _sentence(error)
    if sentence is None:
        sys.__excepthook__(kind, error, trace)
        return
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
    os._exit(error.exit_code if isinstance(error, KitchenError) else ExitCode.WRONG_COMMAND)
