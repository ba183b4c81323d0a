"""A lake that lives for a year: `python benchmarks/maintenance.py --home DIR [--days 365] [--persons 600] [--keep 30] [--seconds S]`.

A generated city is delivered and built once. Then, each simulated day, the hotline drops a small file of new orders (every tenth
day also the next state of the household register) into the same landing folder, the whole road runs in this process, and
maintenance merges, expires and cleans up, keeping `--keep` builds. A day's figures are a line of `DIR/days.jsonl`: seconds of the
build by step and of maintenance; files and bytes of the lake, bytes of the catalogue, snapshots; files and bytes of everything else
in the home; rows of the tables that tell of builds; and the milliseconds of three questions an analyst asks. Every `--travel` days,
and after the last, every retained build is attached at its snapshot and must show what it showed on its day.

Called again with the same DIR it goes on where it stood, also after a kill; `--seconds` begins no day after so many seconds.
`--table` prints what is known so far as a table, with the ratio of the last quarter's median to that of the quarter after `--keep`
builds were reached (flat is 1), and runs nothing.

The clock is the machine's, and nothing that expires depends on it: builds are kept by number. Deliveries state their days in
their names.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import resource
import statistics
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
from warehouse.lake import engine, reading

FIRST_DAY = date(2026, 12, 1)
QUESTIONS = (
    "select * from foundation.person where person_id = (select min(person_id) from foundation.person)",
    "select area_code, count(*), count(distinct kind_code) from foundation.event group by 1 order by 2 desc",
    "select dataset, count(*) from foundation.event_mention where is_current group by 1",
)
SHOWN = "select (select count(*) from foundation.event), (select count(*) from foundation.person), (select count(*) from foundation.delivery)"
TOLD = (
    "foundation.build",
    "quality.gate_result",
    "quality.rule_result",
    "quality.profile",
    "quality.step_metric",
    "quality.score",
)
FOLDERS = ("reports", "outbox", "claims", "work", "raw", "archive")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="folder to work in, and to go on in")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--persons", type=int, default=600)
    parser.add_argument("--orders", type=int, default=20, help="hotline orders a day")
    parser.add_argument("--keep", type=int, default=maintenance.KEEP_BUILDS)
    parser.add_argument("--travel", type=int, default=30, help="days between two looks at every retained build")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--table", action="store_true", help="only print what is known")
    arguments = parser.parse_args()
    folder = arguments.home.absolute()
    if not arguments.table:
        simulate(folder, arguments)
    days = known(folder)
    if len(days) > 1:
        show(days, arguments.keep)


def known(folder: Path) -> list[dict[str, Any]]:
    """The days that are done; a line that a kill cut short is none."""
    path, days = folder / "days.jsonl", []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            days.append(json.loads(line))
        except ValueError:
            break
    return days


def simulate(folder: Path, arguments: argparse.Namespace) -> None:
    """Goes on from the last day that is done."""
    until = time.monotonic() + arguments.seconds
    city, home, landing = folder / "city", Home.throwaway(folder / "home").prepare(), folder / "home" / "landing"
    if not (city / "truth" / "manifest.json").exists() and not (folder / "begun").exists():
        sample_city.generate(arguments.persons, 11, city, periods=1, datasets=sample_city.CORE)
    if not (folder / "begun").exists():
        steps.ingest(home, city / "landing")
        steps.build(home)
        (folder / "begun").touch()
    header, pool = _orders(city / "landing")
    register = next((city / "landing" / "gongan").glob("*.csv"))
    days = known(folder)
    (folder / "days.jsonl").write_text("".join(json.dumps(d) + "\n" for d in days), encoding="utf-8")
    for number in range(len(days), arguments.days):
        if time.monotonic() > until:
            return
        _deliver(landing, header, pool, register, number=number, count=arguments.orders)
        record: dict[str, Any] = {"day": number + 1}
        started = time.monotonic()
        steps.ingest(home, landing)
        record["ingest_seconds"] = round(time.monotonic() - started, 2)
        started, processor = time.monotonic(), time.process_time()
        built = steps.build(home)
        record["build_seconds"] = round(time.monotonic() - started, 2)
        record["build_processor_seconds"] = round(time.process_time() - processor, 2)
        record["steps"] = built["seconds"]
        started = time.monotonic()
        steps.maintain(home, keep_builds=arguments.keep)
        record["maintain_seconds"] = round(time.monotonic() - started, 2)
        record |= measure(home)
        days.append(record)
        if (number + 1) % arguments.travel == 0 or number + 1 == arguments.days:
            record["travelled"] = travel(home, days, arguments.keep)
        with (folder / "days.jsonl").open("a", encoding="utf-8") as out:
            out.write(json.dumps(record) + "\n")
        print(json.dumps({k: v for k, v in record.items() if not isinstance(v, dict)}), flush=True)


def _orders(landing: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the generated hotline's file."""
    text = next((landing / "rexian").glob("*.csv")).read_bytes().decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text))
    return header, [row for row in rows if len(row) == len(header) and row[0].startswith("YT")]


def _deliver(
    landing: Path, header: Sequence[str], pool: list[list[str]], register: Path, *, number: int, count: int
) -> None:
    """The files of a day; written again they are the same bytes."""
    day = FIRST_DAY + timedelta(days=number)
    for department in ("rexian", "gongan"):
        (landing / department).mkdir(parents=True, exist_ok=True)
    rows = [pool[(number * count + i) % len(pool)] for i in range(count)]
    with (landing / "rexian" / f"12345工单_{day:%Y%m%d}.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        for i, row in enumerate(rows):
            writer.writerow(
                [f"YT{day:%Y%m%d}{900000 + i}", f"{day} {8 + i % 12:02d}:{i % 60:02d}:00", *row[2:8], "", "", *row[10:]]
            )
    if number % 10 == 9:
        lines = register.read_bytes().splitlines(keepends=True)
        (landing / "gongan" / f"常住人口_{day:%Y%m%d}.csv").write_bytes(b"".join(lines[:1] + lines[1 + number % 7 :]))


def measure(home: Home) -> dict[str, Any]:
    """Sizes of everything, what readers see of the newest build, and the median milliseconds of the questions over five tries."""
    with reading(home) as con:
        (snapshots,) = con.execute("select count(*) from ducklake_snapshots('lake')").fetchone() or (0,)
        (build,) = con.execute("select max(lake_snapshot) from foundation.build where published").fetchone() or (0,)
        shown = con.execute(SHOWN).fetchone()
        rows = {name: (con.execute(f"select count(*) from {name}").fetchone() or (0,))[0] for name in TOLD}
        seconds = []
        for question in QUESTIONS:
            tries = []
            for _ in range(5):
                started = time.monotonic()
                con.execute(question).fetchall()
                tries.append(time.monotonic() - started)
            seconds.append(statistics.median(tries))
    files, size = weigh(home.lake)
    return {
        "files": files, "lake_bytes": size, "catalogue_bytes": Path(home.catalog.removeprefix("sqlite:")).stat().st_size,
        "snapshots": snapshots, "query_ms": round(1000 * sum(seconds), 1), "snapshot": build, "shown": list(shown or ()),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "rows": rows,
        "home": {name: weigh(home.root / name) for name in FOLDERS},
    }  # fmt: skip


def weigh(folder: Path) -> tuple[int, int]:
    """(files, bytes) below a folder."""
    sizes = [p.stat().st_size for p in folder.rglob("*") if p.is_file()]
    return len(sizes), sum(sizes)


def travel(home: Home, days: list[dict[str, Any]], keep: int) -> str:
    """Attaches at every retained build's snapshot and compares."""
    right, retained = 0, days[-keep:]
    for day in retained:
        con = engine(home)
        con.execute("load ducklake; load sqlite_scanner")
        con.execute(attach(home, snapshot=day["snapshot"], read_only=True))
        con.execute("use lake")
        right += list(con.execute(SHOWN).fetchone() or ()) == day["shown"]
        con.close()
    assert right == len(retained), "a retained build shows something else"
    return f"{right} of {len(retained)}"


SHOWN_COLUMNS = ("files", "lake_bytes", "catalogue_bytes", "snapshots", "build_seconds", "build_processor_seconds",
                 "maintain_seconds", "ingest_seconds", "query_ms", "peak_bytes")  # fmt: skip


def show(days: list[dict[str, Any]], keep: int) -> None:
    """A table of about a dozen days, and how flat each figure is."""
    chosen = [d for d in days if d["day"] in (1, 5, 15) or d["day"] % 30 == 0 or d is days[-1]]
    figures = [(name, lambda d, name=name: d[name]) for name in SHOWN_COLUMNS]  # type: ignore[misc]
    figures += [(f"rows of {t}", lambda d, t=t: d["rows"][t]) for t in TOLD]  # type: ignore[misc]
    figures += [(f"files in {f}/", lambda d, f=f: d["home"][f][0]) for f in FOLDERS]  # type: ignore[misc]
    figures += [(f"bytes in {f}/", lambda d, f=f: d["home"][f][1]) for f in FOLDERS]  # type: ignore[misc]
    print("| | " + " | ".join(f"day {d['day']}" for d in chosen) + " | flat |\n|---|" + "---|" * (len(chosen) + 1))
    steady = days[min(keep, len(days) // 2) :]
    quarter = max(1, len(steady) // 4)
    for name, of in figures:
        ratio = statistics.median(of(d) for d in steady[-quarter:]) / max(
            1e-9, statistics.median(of(d) for d in steady[:quarter])
        )
        print(f"| {name} | " + " | ".join(f"{of(d):,}" for d in chosen) + f" | {ratio:.2f} |")
    print("\nretained builds that show what they showed: " + ", ".join(f"day {d['day']}: {d['travelled']}" for d in days if "travelled" in d))  # fmt: skip


if __name__ == "__main__":
    main()
