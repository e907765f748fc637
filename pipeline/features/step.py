"""What a feature step is: a frozen value that describes itself, and a call from grid to grid.

Belongs here: the common form. The steps are in their families' files, their order in `registry.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Concatenate, ParamSpec, TypedDict, Unpack

from pipeline.features.frame import Frame
from pipeline.tables.arrays import Floats

Parameters = ParamSpec("Parameters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One feature: a function of the grid, its parameters, and what it says of itself.

    A row may use itself and `look_back` rows before it, and nothing else. Where inputs lack, a step
    answers NaN; it never fills. Windows count rows of the grid (minutes or days), not measured rows.

    Attributes:
        name: Column name.
        unit: Unit of the values; `fraction` for ratios.
        inputs: Columns that it reads, `ticks.` before those of the minute statistics.
        function: Of the grid and the parameters; its docstring is formula, edges and source, its file
            the family.
        parameters: What the function is called with, beside the grid.
        window: Rows that one value describes.
        before: Rows before the window that a value may read as well.
        history: Rows of history, its own included, below which a value is null, where those of
            `look_back` are not all needed.
        nulls: Null policy, one of the names in SCHEMA_features.json.
        type: Arrow type of the published column.
        version: Raised when the same inputs give other values.
    """

    name: str
    unit: str
    inputs: tuple[str, ...]
    function: Callable[..., Floats]
    parameters: tuple[object, ...] = ()
    window: int = 1
    before: int = 0
    history: int | None = None
    nulls: str = "inputs"
    type: str = "float64"
    version: int = 1

    @property
    def family(self) -> str:
        """The name of the file that the function is in."""
        return self.function.__module__.rpartition(".")[2]

    @property
    def formula(self) -> str:
        """Formula, edges and source: the docstring of the function."""
        return inspect.getdoc(self.function) or ""

    @property
    def look_back(self) -> int:
        """Rows before its own that a value may read."""
        return self.window - 1 + self.before

    @property
    def warm_up(self) -> int:
        """Rows of history, its own included, below which a value is null."""
        return self.history or self.look_back + 1

    def __call__(self, frame: Frame) -> Floats:
        """The feature on every row of the grid, NaN where it is not known."""
        return self.function(frame, *self.parameters)


class Facts(TypedDict, total=False):
    """What a step may say of itself beside name, unit and inputs; see `Step`."""

    window: int
    before: int
    history: int
    nulls: str
    type: str
    version: int


def formula(
    unit: str, *inputs: str, **facts: Unpack[Facts]
) -> Callable[[Callable[[Frame], Floats]], Step]:
    """Makes the function below it a step, whose column has the function's name; the rest as in `Step`."""

    def step(function: Callable[[Frame], Floats]) -> Step:
        name = function.__name__
        return Step(name=name, unit=unit, inputs=inputs, function=function, **facts)

    return step


measured = partial(formula, nulls="not_measured")
"""`formula` of what ATAS or the tape measured."""


def formulas(
    name: str, unit: str, *inputs: str, **facts: Unpack[Facts]
) -> Callable[[Callable[Concatenate[Frame, Parameters], Floats]], Callable[Parameters, Step]]:
    """Makes the function below it one that gives a step for each value of its parameters.

    Args:
        name: Column name; like the inputs it may have the parameters' names in braces.
        unit: As in `Step`.
        inputs: As in `Step`.
        facts: As in `Step`, but for `nulls`, here `window` unless told. A parameter `window` is the step's.
    """

    def template(
        function: Callable[Concatenate[Frame, Parameters], Floats],
    ) -> Callable[Parameters, Step]:
        signature = inspect.signature(function)

        def step(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Step:
            said = signature.bind(None, *args, **kwargs).arguments
            own: Facts = {"nulls": "window", **facts}
            if "window" in said:
                own["window"] = said["window"]
            return Step(
                name=name.format(**said),
                unit=unit,
                inputs=tuple(column.format(**said) for column in inputs),
                function=function,
                parameters=tuple(said.values())[1:],
                **own,
            )

        return step

    return template
