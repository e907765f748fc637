"""Luigi parameters that answer a wrong value with one sentence.

They check form, and that the configuration can be read at all; whether a day has data is asked later.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import luigi

from pipeline import asked
from pipeline.arrivals import VENDORS
from pipeline.errors import ParameterError
from pipeline.model.feeds import FEEDS
from pipeline.plain_text import meant
from pipeline.settings.config import load_kitchen


class DayParameter(luigi.Parameter):
    """A UTC date, exactly `YYYY-MM-DD`; its value in the task is a `datetime.date`."""

    _option = "--date"

    def __set_name__(self, owner: type, name: str) -> None:
        """Called by Python with the name that the parameter has in its task."""
        super().__set_name__(owner, name)
        self._option = f"--{name.replace('_', '-')}"

    def parse(self, x: str) -> dt.date:
        """The date that the text names.

        Raises:
            ParameterError: not such a date.
        """
        load_kitchen()
        return asked.day(x, self._option)

    def serialize(self, x: dt.date) -> str:
        """The date as `YYYY-MM-DD`."""
        return x.isoformat()

    def _warn_on_wrong_param_type(self, param_name: str, param_value: Any) -> None:
        if not isinstance(param_value, dt.date) or isinstance(param_value, dt.datetime):
            raise ParameterError(
                f"{param_name}: got {param_value!r}, wanted a datetime.date such as date(2025, 1, 2)"
            )


class SymbolParameter(luigi.Parameter):
    """A symbol of the configuration."""

    def parse(self, x: str) -> str:
        """The symbol's name.

        Raises:
            ParameterError: it is not configured.
        """
        return load_kitchen().symbol(x).name


class SourceParameter(luigi.Parameter):
    """A feed, one of `FEEDS`."""

    def parse(self, x: str) -> str:
        """The feed's name.

        Raises:
            ParameterError: there is no such feed.
        """
        if x not in FEEDS:
            raise ParameterError(
                f"--source: got {x!r}, wanted one of {', '.join(FEEDS)}{meant(x, FEEDS)}"
            )
        return x


class VendorParameter(luigi.Parameter):
    """binance or atas."""

    def parse(self, x: str) -> str:
        """The vendor's name.

        Raises:
            ParameterError: there is no such vendor.
        """
        if x not in VENDORS:
            raise ParameterError(f"--vendor: got {x!r}, wanted binance or atas{meant(x, VENDORS)}")
        return x
