"""A labelled synthetic city on the real areas of Yantai: departments' deliveries, and the answer key to them.

`generate` writes `out/landing/<department>/…`, `out/landing_2/…` for the month after, and `out/truth`. The same
arguments give the same bytes. Nothing here knows the rest of the project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date as Date  # noqa: N812
from pathlib import Path

from sample_city.sources import CORE, DATASETS

__all__ = ["CORE", "DATASETS", "Manifest", "generate"]
SMALLEST = 10
FIRST_DELIVERY = Date(2026, 10, 31)


@dataclass(frozen=True)
class Manifest:
    """What was written: the arguments, and the number of rows of each table of the answer key."""

    persons: int
    seed: int
    date: Date
    periods: int
    out: Path
    truth_rows: dict[str, int]
    files: int

    def to_json(self) -> dict[str, object]:
        """The manifest as plain values."""
        return {**asdict(self), "date": self.date.isoformat(), "out": str(self.out)}


def generate(
    persons: int,
    seed: int,
    out: Path,
    *,
    periods: int = 1,
    date: Date = FIRST_DELIVERY,
    datasets: Iterable[str] = DATASETS,
    progress: Callable[[str], None] | None = None,
) -> Manifest:
    """Writes a city of `persons` into `out`: `periods` monthly deliveries from `date` on, and the answer key.

    datasets: as their contracts are called (gongan.changzhu …); every one unless named

    Raises ValueError for fewer than SMALLEST persons, fewer than one period, a dataset that is none, or an `out` that
    already holds a city.
    """
    wanted = frozenset(datasets)
    if persons < SMALLEST or periods < 1:
        raise ValueError(f"a city needs at least {SMALLEST} persons and one delivery, not {persons} and {periods}")
    if strange := sorted(wanted - set(DATASETS)):
        raise ValueError(f"no such dataset: {', '.join(strange)}; there are {', '.join(DATASETS)}")
    if (out / "truth").exists() or (out / "landing").exists():
        raise ValueError(f"{out} already holds a city; choose an empty folder")
    from sample_city import noise, sources, truth, world
    from sample_city.deliver import deliver

    say = progress or (lambda text: None)
    say(f"making {persons:,} persons")
    city = world.build(persons, seed, periods, date)
    with truth.Answers(out / "truth") as answers:
        for period in range(1, periods + 1):
            root = out / ("landing" if period == 1 else f"landing_{period}")
            for source in sources.every(wanted):
                if source.comes(period):
                    say(f"delivery {period}: {source.name}")
                    deliver(city, source, period, root, answers)
            noise.scatter(city, period, root, answers, wanted)
        say("answer key")
        truth.write(city, answers, wanted)
        written = answers.finish({"persons": persons, "seed": seed, "date": date.isoformat(), "periods": periods})
    rows = written["truth_rows"]
    assert isinstance(rows, dict)
    return Manifest(persons, seed, date, periods, out, rows, int(rows["file"]))
