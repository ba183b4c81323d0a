"""How the road grows with the city: `python benchmarks/scale.py --persons 20000 200000 1000000 [--folder DIR] [--write benchmarks/scale.md]`.

For each size, one after the other and each program alone: a city of every dataset is generated over two months; its first month's files are
read with the plainest fast reader of their format and written to Parquet, nothing else (the limit that a build is held against); the
whole road is run on the first month, on a day of changes worth 1 % of the city's rows (the datasets that deliver changes, about the next
month) and, unless `--months 1`, on the second month; two analysts' questions are asked. Seconds, processor seconds and peak memory
of each step come from `quality.step_metric`, those of whole programs from the kernel. The answers are printed as JSON, a line a size, and
written as tables.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from warehouse.home import Home
from warehouse.lake import engine, reading

STEPS = (
    "take", "gate raw", "staging", "gate staging", "intermediate", "linkage", "classes", "foundation", "gate foundation", "marts",
    "gate marts", "scorecard",
)  # fmt: skip
BY_HAND = "## Found and removed"
"""From this heading on the page is written by people and kept."""
CHANGES = (
    "rexian/12345工单_*.csv", "zongzhi/网格事件_*.csv", "chengguan/城管案件_*.csv", "shuiwu/企业纳税情况_*.csv", "shuiwudian/水电气用量_*.csv",
    "minzheng/殡葬火化登记_*.csv",
)  # fmt: skip
"""Files of the second month that bring changes and can be cut after any line."""
DAY = 0.01
"""Rows of a day of changes, as a share of all rows of the first month."""
ASKED = 60
"""Times each analyst's question is asked, each time about another person or town."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, nargs="+", default=[20_000, 200_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument(
        "--months", type=int, choices=(1, 2), default=2, help="1: the second month is generated and not run"
    )
    parser.add_argument("--folder", type=Path, help="where cities and lakes are put [default: a temporary folder]")
    parser.add_argument("--write", type=Path, help="write the tables to this file")
    parser.add_argument("--bare", nargs=2, type=Path, metavar=("LANDING", "OUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        bare(*arguments.bare)
        return
    measured = []
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for persons in arguments.persons:
            measured.append(measure(Path(folder) / str(persons), persons, arguments.seed, arguments.months))
            print(json.dumps(measured[-1], ensure_ascii=False), flush=True)
            shutil.rmtree(Path(folder) / str(persons))
    if arguments.write:
        before = arguments.write.read_text(encoding="utf-8") if arguments.write.exists() else ""
        _, mark, kept = before.partition(BY_HAND)
        arguments.write.write_text(page(measured) + (f"\n{mark}{kept}" if mark else ""), encoding="utf-8")


def measure(folder: Path, persons: int, seed: int, months: int = 2) -> dict[str, Any]:
    """One size: everything that `page` shows of it."""
    folder.mkdir(parents=True)
    city, home = folder / "city", Home.at(folder / "home")
    told: dict[str, Any] = {"persons": persons}
    told["city"] = ran(
        [sys.executable, "-m", "townlake", "city", "--out", city, "--persons", persons, "--seed", seed, "--periods", 2]
    )
    if months == 1:  # a large city's second month is as large as its first: only what the day is cut from is kept
        kept = {p for pattern in CHANGES for p in (city / "landing_2").glob(pattern)}
        for path in (city / "landing_2").rglob("*"):
            if path.is_file() and path not in kept:
                path.unlink()
    files = [p for p in (city / "landing").rglob("*") if p.is_file()]
    told |= {"files": len(files), "bytes": sum(p.stat().st_size for p in files)}
    told["bare"] = ran([sys.executable, __file__, "--bare", city / "landing", folder / "bare"])
    shutil.rmtree(folder / "bare")

    def road(landing: Path) -> dict[str, Any]:
        command = [sys.executable, "-m", "townlake", "run", "--landing", landing]
        return ran(command, {**os.environ, "TOWNLAKE_HOME": str(home.root)}) | {"steps": steps(home)}

    told["first"] = road(city / "landing")
    told["first_rows"] = rows(home)
    with reading(home) as con:
        told["questions"] = questions(con.execute)
    day(city / "landing_2", folder / "day", int(DAY * told["first_rows"]))
    told["day"] = road(folder / "day")
    told["day_rows"] = rows(home) - told["first_rows"]
    if months == 2:
        told["second"] = road(city / "landing_2")
    told["lake_bytes"] = sum(p.stat().st_size for p in home.lake.rglob("*") if p.is_file())
    told["rows"] = rows(home)
    return told


def rows(home: Home) -> int:
    """Rows of all deliveries taken so far."""
    with reading(home) as con:
        found = con.execute("select sum(data_rows) from foundation.delivery where status = 'taken'").fetchone()
    return int(found[0]) if found else 0


def day(landing: Path, out: Path, wanted: int) -> None:
    """The first lines of every file of changes, in proportion, so that they make `wanted` rows together; dated the first of the month."""
    files = sorted(p for pattern in CHANGES for p in landing.glob(pattern) if "(" not in p.name)
    lines = {path: sum(chunk.count(b"\n") for chunk in _chunks(path)) - 1 for path in files}
    share = min(1.0, wanted / sum(lines.values()))
    for path, count in lines.items():
        stem, _, period = path.stem.rpartition("_")
        target = out / path.parent.name / f"{stem}_{period[:6]}01{path.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as source, target.open("wb") as sink:
            sink.writelines(itertools.islice(source, round(count * share) + 1))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            yield chunk


def ran(command: Sequence[object], environment: dict[str, str] | None = None) -> dict[str, float]:
    """Runs a program to its end: clock and processor seconds, and the peak of its largest process (bytes). It must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen([str(c) for c in command], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[3] if len(command) > 3 else command} ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "peak_bytes": usage.ru_maxrss * 1024,
    }


def steps(home: Home) -> dict[str, dict[str, float]]:
    """What each step of the newest build cost; `take` is the sum over files read two at a time, in processes of their own."""
    with reading(home) as con:
        rows = con.execute(
            """select step, sum(seconds), sum(processor_seconds), max(peak_bytes) from quality.step_metric
               where build_id = (select build_id from foundation.build where published order by lake_snapshot desc limit 1)
               group by step"""
        ).fetchall()
    return {s: {"seconds": round(c, 1), "processor_seconds": round(p, 1), "peak_bytes": m} for s, c, p, m in rows}


def questions(execute: Callable[..., Any]) -> dict[str, dict[str, float]]:
    """Median and 95th percentile, in milliseconds, of an analyst's two questions on the published lake."""
    persons = [r[0] for r in execute(f"select person_id from foundation.person using sample {ASKED} rows").fetchall()]
    towns = [r[0] for r in execute("select distinct substr(area_code, 1, 9) || '000' from foundation.person where area_code is not null").fetchall()]  # fmt: skip
    record = (
        "select * from foundation.person where person_id = $1",
        "select * from foundation.person_place where person_id = $1",
        "select * from foundation.person_household where person_id = $1",
        "select * from foundation.person_organisation where person_id = $1",
        "select tag, outcome, since, evidence from foundation.entity_tag where entity = 'person' and entity_id = $1",
    )
    dashboard = (
        "select area_code, count(*), count(*) filter (is_alive) from foundation.person where starts_with(area_code, substr($1, 1, 9)) group by 1",
        "select kind_code, count(*) from foundation.event where starts_with(area_code, substr($1, 1, 9)) group by 1",
        "select count(*), count(industry_code) from foundation.organisation where starts_with(area_code, substr($1, 1, 9))",
    )
    return {
        "one person's record": _asked(execute, record, persons),
        "a town's dashboard": _asked(execute, dashboard, (towns * ASKED)[:ASKED]),
    }


def _asked(execute: Callable[..., Any], statements: Sequence[str], about: Sequence[str]) -> dict[str, float]:
    took = []
    for one in about:
        started = time.perf_counter()
        execute("begin")  # one state of the lake for all statements, looked up once
        for statement in statements:
            execute(statement, [one]).fetchall()
        execute("commit")
        took.append(1000 * (time.perf_counter() - started))
    return {"median": round(statistics.median(took), 1), "p95": round(statistics.quantiles(took, n=20)[18], 1)}


# ---- the limit: reading and writing, nothing else ------------------------------------------------------------------


def bare(landing: Path, out: Path) -> None:
    """Every file of `landing` that a plain reader can read, as Parquet below `out`. Cells as text where the format has no types."""
    out.mkdir(parents=True)
    for number, path in enumerate(sorted(p for p in landing.rglob("*") if p.is_file())):
        _one(path, out / f"{number}.parquet")


def _one(path: Path, target: Path) -> None:
    import polars as pl

    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as held:
                for number, member in enumerate(m for m in held.infolist() if m.file_size):
                    copy = target.with_name(f"{target.stem}-{number}{Path(member.filename).suffix}")
                    with held.open(member) as source, copy.open("wb") as sink:
                        shutil.copyfileobj(source, sink)
                    _one(copy, copy.with_suffix(".parquet"))
        elif path.suffix in (".xlsx", ".xls"):
            from python_calamine import CalamineWorkbook

            book = CalamineWorkbook.from_path(str(path))
            for number, name in enumerate(book.sheet_names):
                rows = book.get_sheet_by_name(name).to_python()
                columns = {
                    str(i): pl.Series([str(v) for v in column]) for i, column in enumerate(zip(*rows, strict=True))
                }
                pl.DataFrame(columns).write_parquet(target.with_name(f"{target.stem}-{number}.parquet"))
        elif path.suffix in (".json", ".jsonl", ".geojson"):
            lines = ", format = 'newline_delimited', ignore_errors = true" if path.suffix == ".jsonl" else ""
            with engine() as con:
                con.execute(
                    f"copy (from read_json(?, maximum_object_size = 1000000000{lines})) to '{target}'", [str(path)]
                )
        elif path.suffix == ".dbf":
            _dbf(path).write_parquet(target)
        else:
            _text(path, target)
    except (OSError, ValueError, pl.exceptions.PolarsError, zipfile.BadZipFile) as error:
        print(f"left out: {path.name}: {type(error).__name__}", file=sys.stderr)
    except Exception as error:  # a reader's own errors have no common class; what it cannot read is not in the limit
        print(f"left out: {path.name}: {type(error).__name__}", file=sys.stderr)


def _text(path: Path, target: Path) -> None:
    """CSV or text of a separator: polars streams UTF-8; other encodings are decoded whole into a copy first."""
    import polars as pl

    head = path.open("rb").read(1 << 16)
    try:
        head[: head.rfind(b"\n") + 1].decode("utf-8")
    except UnicodeDecodeError:
        copy = target.with_suffix(".txt")
        with (
            path.open(encoding="gb18030", errors="replace", newline="") as source,
            copy.open("w", encoding="utf-8", newline="") as sink,
        ):
            shutil.copyfileobj(source, sink, 1 << 22)
        path = copy
    line = head.split(b"\n", 1)[0]
    separator = max((",", "\t", "|", ";"), key=lambda s: line.count(s.encode()))
    pl.scan_csv(
        path,
        separator=separator,
        has_header=False,
        infer_schema=False,
        quote_char='"',
        truncate_ragged_lines=True,
        ignore_errors=True,
    ).sink_parquet(target)


def _dbf(path: Path) -> Any:
    """Fixed-width records by numpy, text undecoded."""
    import numpy as np
    import polars as pl

    raw = path.read_bytes()
    count, head, width = (
        int.from_bytes(raw[4:8], "little"),
        int.from_bytes(raw[8:10], "little"),
        int.from_bytes(raw[10:12], "little"),
    )
    table = np.frombuffer(raw, dtype=f"S{width}", count=count, offset=head)
    return pl.DataFrame({"record": pl.Series(table.tolist(), dtype=pl.Binary)})


# ---- the page -------------------------------------------------------------------------------------------------------


def page(measured: Sequence[dict[str, Any]]) -> str:
    """The figures as Markdown."""
    sizes = [f"{m['persons']:,}" for m in measured]
    head = "| | " + " | ".join(sizes) + " |\n|---|" + "---|" * len(sizes)

    def line(name: str, value: Callable[[dict[str, Any]], str]) -> str:
        return f"| {name} | " + " | ".join(value(m) for m in measured) + " |"

    whole = [
        line("files, MB delivered", lambda m: f"{m['files']}, {m['bytes'] / 1e6:,.0f}"),
        line("rows of the first month", lambda m: f"{m['first_rows']:,}"),
        line("rows, everything run", lambda m: f"{m['rows']:,}"),
        line("generating both months: s, peak GiB", lambda m: _cost(m["city"])),
        line(
            "bare: every file read and written, s (processor s)",
            lambda m: f"{m['bare']['seconds']} ({m['bare']['processor_seconds']})",
        ),
        line("**first month, whole road: s, peak GiB**", lambda m: _cost(m["first"])),
        line("… of the bare time", lambda m: f"{m['first']['seconds'] / m['bare']['seconds']:.0f} ×"),
        line("a day of changes: rows", lambda m: f"{m['day_rows']:,}"),
        line("**a day of changes: s, peak GiB**", lambda m: _cost(m["day"])),
        line("second month: s, peak GiB", lambda m: _cost(m["second"]) if "second" in m else "–"),
        line("gates' share of the first month", lambda m: f"{_gates(m['first']):.0%}"),
        line("lake at the end, MB", lambda m: f"{m['lake_bytes'] / 1e6:,.0f}"),
        *(line(f"{name}: median, p95 ms", _milliseconds(name)) for name in measured[0]["questions"]),
    ]
    each = [line(step, _of_step(step, "first")) for step in STEPS]
    of_day = [line(step, _of_step(step, "day")) for step in STEPS]
    return "\n".join(
        [
            "# From a town to a city", "",
            f"`python benchmarks/scale.py --persons {' '.join(str(m['persons']) for m in measured)}{'' if 'second' in measured[0] else ' --months 1'} "
            "--write benchmarks/scale.md`: every dataset, "
            f"one program at a time, {os.cpu_count()} cores, DuckDB's memory limit two fifths of the machine's.", "",
            head, *whole, "",
            f"Growth exponent of the whole road between the sizes: {', '.join(_exponents(measured))}.", "",
            "Seconds (processor seconds) of the steps of the first month; `take` is the sum over files, read two at a time in child processes whose "
            "processor time is not in it, `classes` is a part of `foundation`:", "",
            head, *each, "",
            "The same of the day of changes:", "",
            head, *of_day, "",
        ]
    )  # fmt: skip


def _milliseconds(question: str) -> Callable[[dict[str, Any]], str]:
    return lambda m: f"{m['questions'][question]['median']}, {m['questions'][question]['p95']}"


def _of_step(step: str, run: str) -> Callable[[dict[str, Any]], str]:
    def told(m: dict[str, Any]) -> str:
        cost = m[run]["steps"].get(step)
        return f"{cost['seconds']} ({cost['processor_seconds']})" if cost else "–"

    return told


def _cost(one: dict[str, float]) -> str:
    return f"{one['seconds']}, {one['peak_bytes'] / 2**30:.1f}"


def _gates(one: dict[str, Any]) -> float:
    return float(sum(v["seconds"] for k, v in one["steps"].items() if k.startswith("gate"))) / float(one["seconds"])


def _exponents(measured: Sequence[dict[str, Any]]) -> list[str]:
    return [
        f"{math.log(b['first']['seconds'] / a['first']['seconds']) / math.log(b['persons'] / a['persons']):.2f} "
        f"({a['persons']:,} → {b['persons']:,})"
        for a, b in itertools.pairwise(measured)
    ]


if __name__ == "__main__":
    main()
