"""Functions in C that lie beside the module that binds them, where a compiler was there at installation.

Belongs here: finding them. `X.c` beside `X.py` becomes `_X` with the interpreter's suffix (`setup.py`); a
module that has one also does without, slower, with the same results.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

logger = logging.getLogger("kitchen")


@cache
def function(module_file: str, name: str) -> Callable[..., int] | None:
    """A C function that returns an int64, None if it was not built; it runs without the interpreter's lock.

    Args:
        module_file: `__file__` of the module that binds it.
        name: of the function.
    """
    module = Path(module_file)
    for suffix in EXTENSION_SUFFIXES:
        with suppress(OSError):  # not there, or of another machine
            found = ctypes.CDLL(str(module.with_name(f"_{module.stem}{suffix}")))[name]
            found.restype = ctypes.c_int64
            return found
    logger.warning(
        "%s works several times slower than it could: its C part was not built; install a C compiler,"
        " then this package again",
        module.stem,
    )
    return None
