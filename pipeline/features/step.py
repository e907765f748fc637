"""What a feature step is: a frozen value that describes itself, and a call from grid to grid.

Belongs here: the common form. The steps are in their families' files, their order in `registry.py`.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.features.frame import Frame
from pipeline.tables.exact import Floats


@dataclass(frozen=True, kw_only=True)
class Step(ABC):
    """One feature. `__init__` decides its parameters, `__call__` computes it for every row of a grid.

    A row may use itself and `look_back` rows before it, and nothing else. Where inputs lack, a step
    answers NaN; it never fills. Windows count rows of the grid (minutes or days), not measured rows.

    Attributes:
        name: Column name.
        unit: Unit of the values; `fraction` for ratios.
        inputs: Columns that it reads, `ticks.` before those of the minute statistics.
        window: Rows that one value describes.
        look_back: Rows before its own that a value may read.
        nulls: Null policy, one of the names in SCHEMA_features.json.
        type: Arrow type of the published column.
        version: Raised when the same inputs give other values.
    """

    name: str
    unit: str
    inputs: tuple[str, ...]
    window: int = 1
    look_back: int = 0
    nulls: str = "inputs"
    type: str = "float64"
    version: int = 1

    @property
    def family(self) -> str:
        """The name of the file that the step is in."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def warm_up(self) -> int:
        """Rows of history, its own included, below which a value is null."""
        return self.look_back + 1

    @property
    def formula(self) -> str:
        """Formula, edges and source: the docstring of the class."""
        return inspect.getdoc(type(self)) or ""

    @abstractmethod
    def __call__(self, frame: Frame) -> Floats:
        """The feature on every row of the grid, NaN where it is not known."""


@dataclass(frozen=True, kw_only=True)
class Formula(Step):
    """A step without parameters: one function of the row alone, `of`, whose docstring is the formula."""

    of: Callable[[Frame], Floats]

    @property
    def family(self) -> str:
        """The name of the file that the function is in."""
        return self.of.__module__.rpartition(".")[2]

    @property
    def formula(self) -> str:
        """Formula, edges and source: the docstring of the function."""
        return inspect.getdoc(self.of) or ""

    def __call__(self, frame: Frame) -> Floats:
        """See `Step`."""
        return self.of(frame)


def formula(
    unit: str, *inputs: str, nulls: str = "inputs", type: str = "float64"
) -> Callable[[Callable[[Frame], Floats]], Formula]:
    """Makes the function below it a step, whose column has the function's name; the rest as in `Step`."""

    def step(of: Callable[[Frame], Floats]) -> Formula:
        return Formula(name=of.__name__, unit=unit, inputs=inputs, nulls=nulls, type=type, of=of)

    return step
