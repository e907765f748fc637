"""What is true of each day, made up, and hands that do what the test says: for tests of `kitchen cron`."""

from __future__ import annotations

import datetime as dt

from pipeline.config import Kitchen
from pipeline.ops import truth
from pipeline.ops.child import Ended
from pipeline.ops.cron import Hands
from pipeline.ops.truth import Judged

NOW = dt.datetime(2025, 1, 10, 12, tzinfo=dt.UTC)
DAYS = [dt.date(2025, 1, 3) + dt.timedelta(days=n) for n in range(7)]


class Ground:
    """What is true of each day, and what the hands were asked to do."""

    def __init__(self) -> None:
        self.states: dict[dt.date, str] = {}
        self.codes: dict[dt.date, list[int]] = {}
        self.built: list[dt.date] = []
        self.waits: list[float] = []
        self.said: list[str] = []
        self.fetched = Ended(code=0)

    def judge(self, kitchen: Kitchen, days: list[dt.date]) -> dict[dt.date, Judged]:
        """The states; days that are not named are published."""
        return {
            day: Judged(day=day, state=self.states.get(day, truth.PUBLISHED), why="as made up")
            for day in days
        }

    def build(self, kitchen: Kitchen, day: dt.date) -> Ended:
        """Ends with the next code; 0 publishes."""
        self.built.append(day)
        code = self.codes[day].pop(0)
        if code == 0:
            self.states[day] = truth.PUBLISHED
        return Ended(code=code, lines=("a line", "the last line"))

    def send(self, urls: list[str], title: str, text: str) -> bool:
        """Keeps what is said."""
        self.said.append(f"{title}\n{text}")
        return True

    def hands(self) -> Hands:
        """For `cron.run`."""
        return Hands(
            build=self.build,
            fetch=lambda kitchen: self.fetched,
            send=self.send,
            wait=self.waits.append,
            prune=lambda: False,
        )
