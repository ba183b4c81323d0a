"""A lake that lives for months: `python benchmarks/maintenance.py --days 365 [--persons 600] [--keep 30] [--out maintenance.json]`.

A generated city is delivered and built once. Then, each simulated day, the hotline delivers a small file of new orders (every
tenth day also the next state of the household register), the whole road runs in this process, and maintenance merges, expires and
cleans up, keeping `--keep` builds. Measured each day: seconds of build and maintenance, files and bytes of the lake, bytes of the
catalogue, snapshots, and seconds of three questions an analyst asks. After the last day every retained build is attached at its
snapshot and must show what it showed on its day.

Prints a line a day, and in the end the ratio of the last quarter's median to that of the quarter after `--keep` builds were reached
(flat is 1). The clock is the machine's: deliveries state their days in their names.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import sample_city
from townlake import steps
from warehouse import maintenance
from warehouse.home import Home
from warehouse.lake import attach_statement as attach
from warehouse.lake import engine, reading, writing
from warehouse.lock import lake_writer

FIRST_DAY = date(2026, 12, 1)
QUESTIONS = (
    "select * from foundation.person where person_id = (select min(person_id) from foundation.person)",
    "select area_code, count(*), count(distinct kind_code) from foundation.event group by 1 order by 2 desc",
    "select dataset, count(*) from foundation.event_mention where is_current group by 1",
)
SHOWN = "select (select count(*) from foundation.event), (select count(*) from foundation.person), (select count(*) from foundation.delivery)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--persons", type=int, default=600)
    parser.add_argument("--orders", type=int, default=20, help="hotline orders a day")
    parser.add_argument("--keep", type=int, default=maintenance.KEEP_BUILDS)
    parser.add_argument("--out", type=Path, help="write the days as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        days = simulate(Path(folder), arguments)
    if arguments.out:
        arguments.out.write_text(json.dumps(days, indent=1))
    for name, ratio in flatness(days, arguments.keep).items():
        print(f"{name:20} last quarter / first quarter after day {min(arguments.keep, len(days) // 2)}: {ratio:.2f}")


def simulate(folder: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """One record a day."""
    city = folder / "city"
    sample_city.generate(arguments.persons, 11, city, periods=1, datasets=sample_city.CORE)
    home = Home.throwaway(folder / "home").prepare()
    steps.ingest(home, city / "landing")
    steps.build(home)
    header, pool = _orders(city / "landing")
    register = next((city / "landing" / "gongan").glob("*.csv"))
    days, shown = [], {}
    for number in range(arguments.days):
        day = FIRST_DAY + timedelta(days=number)
        landing = folder / f"landing_{number}"
        _write_orders(landing, header, pool, day=day, number=number, count=arguments.orders)
        if number % 10 == 9:
            (landing / "gongan").mkdir()
            lines = register.read_bytes().splitlines(keepends=True)
            (landing / "gongan" / f"常住人口_{day:%Y%m%d}.csv").write_bytes(
                b"".join(lines[:1] + lines[1 + number % 7 :])
            )
        record: dict[str, Any] = {"day": number + 1}
        started = time.monotonic()
        steps.ingest(home, landing)
        built = steps.build(home)
        record["build_seconds"] = round(time.monotonic() - started, 2)
        assert built["published"], built
        started = time.monotonic()
        with lake_writer(home, "benchmark"), writing(home) as con:
            maintenance.maintain_lake(con, keep_builds=arguments.keep)
        record["maintain_seconds"] = round(time.monotonic() - started, 2)
        with reading(home) as con:
            shown[built["lake_snapshot"]] = con.execute(SHOWN).fetchone()
        record |= measure(home)
        days.append(record)
        print(json.dumps(record), flush=True)
    print(f"retained builds that show what they showed: {travel(home, shown, arguments.keep)}")
    return days


def _orders(landing: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the generated hotline's file."""
    text = next((landing / "rexian").glob("*.csv")).read_bytes().decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text))
    return header, [row for row in rows if len(row) == len(header) and row[0].startswith("YT")]


def _write_orders(
    landing: Path, header: Sequence[str], pool: list[list[str]], *, day: date, number: int, count: int
) -> None:
    folder = landing / "rexian"
    folder.mkdir(parents=True)
    rows = [pool[(number * count + i) % len(pool)] for i in range(count)]
    with (folder / f"12345工单_{day:%Y%m%d}.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        for i, row in enumerate(rows):
            writer.writerow(
                [f"YT{day:%Y%m%d}{900000 + i}", f"{day} {8 + i % 12:02d}:{i % 60:02d}:00", *row[2:8], "", "", *row[10:]]
            )


def measure(home: Home) -> dict[str, Any]:
    """Size of the lake, and the median seconds of each question over five tries."""
    files = [p for p in home.lake.rglob("*") if p.is_file()]
    catalogue = Path(home.catalog.removeprefix("sqlite:"))
    with reading(home) as con:
        (snapshots,) = con.execute("select count(*) from ducklake_snapshots('lake')").fetchone() or (0,)
        seconds = []
        for question in QUESTIONS:
            tries = []
            for _ in range(5):
                started = time.monotonic()
                con.execute(question).fetchall()
                tries.append(time.monotonic() - started)
            seconds.append(statistics.median(tries))
    return {
        "files": len(files), "lake_bytes": sum(p.stat().st_size for p in files), "catalogue_bytes": catalogue.stat().st_size,
        "snapshots": snapshots, "query_ms": round(1000 * sum(seconds), 1),
    }  # fmt: skip


def travel(home: Home, shown: dict[int, Any], keep: int) -> str:
    """Attaches at every retained build's snapshot and compares."""
    right, retained = 0, sorted(shown)[-keep:]
    for snapshot in retained:
        con = engine(home)
        con.execute("load ducklake; load sqlite_scanner")
        con.execute(attach(home, snapshot=snapshot, read_only=True))
        con.execute("use lake")
        right += con.execute(SHOWN).fetchone() == shown[snapshot]
        con.close()
    assert right == len(retained), "a retained build shows something else"
    return f"{right} of {len(retained)}"


def flatness(days: list[dict[str, Any]], keep: int) -> dict[str, float]:
    """Median of the last quarter over that of the first, of the days after as many builds as are kept."""
    steady = days[min(keep, len(days) // 2) :]
    quarter = max(1, len(steady) // 4)
    names = [name for name in days[0] if name != "day"]
    return {
        name: statistics.median(d[name] for d in steady[-quarter:])
        / max(1e-9, statistics.median(d[name] for d in steady[:quarter]))
        for name in names
    }


if __name__ == "__main__":
    main()
