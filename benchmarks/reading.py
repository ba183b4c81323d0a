"""Reading speed beside the bare engines, in one run: delimited text, the same in GB18030, a workbook of a million cells.

    python benchmarks/reading.py [--rows 2000000] [--repeat 3] [--only text,gb,memory,workbook]

Each figure is the best of ``--repeat`` runs, each in a fresh process, so that caches and threads of one do not help or
hinder another. ``memory`` reads ten million rows in a process of its own and reports its peak.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HEADER = "公民身份号码,姓名,性别,民族,出生日期,户号,户籍地址,联系电话"


def make_text(path: Path, rows: int) -> None:
    """A clean register of persons: eight columns, about 130 bytes a row in UTF-8."""
    rnd = random.Random(1)
    family, given = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀英华"
    roads = ["北关大街", "大海阳路", "永达街", "观海路", "通世南路", "工商大街"]
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(HEADER + "\n")
        for start in range(0, rows, 20_000):
            lines = []
            for n in range(start, min(start + 20_000, rows)):
                born = f"{rnd.randint(1930, 2020)}{rnd.randint(1, 12):02d}{rnd.randint(1, 28):02d}"
                lines.append(
                    f"3706{rnd.randint(1, 99):02d}{born}{rnd.randint(0, 9999):04d},{rnd.choice(family)}{rnd.choice(given)}{rnd.choice(given)},{n % 2 + 1},01,{born},"
                    f"{rnd.randint(10**8, 10**9)},烟台市芝罘区世回尧街道{rnd.choice(roads)}{rnd.randint(1, 300)}号{rnd.randint(1, 30)}号楼{rnd.randint(1, 6)}单元,1{rnd.randint(3 * 10**9, 10**10 - 1)}\n"
                )
            out.write("".join(lines))


def make_workbook(path: Path, rows: int = 100_000) -> None:
    """Ten columns: numbers, dates, short and long text."""
    import xlsxwriter

    rnd = random.Random(1)
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "default_date_format": "yyyy-mm-dd"})
    page = book.add_worksheet("数据")
    page.write_row(0, 0, ["序号", "姓名", "性别", "身份证号", "出生日期", "住址", "金额", "电话", "备注", "类别"])
    for n in range(1, rows + 1):
        born = dt.date(1990, 1, 1) + dt.timedelta(days=n % 9_000)
        row = [
            n,
            "王伟",
            "男",
            f"3706{rnd.randint(10**13, 10**14 - 1)}",
            born,
            f"烟台市芝罘区幸福街道{n}号",
            rnd.randint(1, 10**6) / 100,
            f"138{rnd.randint(10**7, 10**8 - 1)}",
            "备注",
            "类",
        ]
        for column, value in enumerate(row):
            page.write_string(n, column, value) if isinstance(value, str) else page.write(n, column, value)
    book.close()


def duckdb_copy(source: str, out: str) -> None:
    import duckdb

    duckdb.sql(f"copy (from read_csv('{source}', all_varchar = true)) to '{out}' (format parquet)")


def polars_sink(source: str, out: str) -> None:
    import polars as pl

    pl.scan_csv(source, infer_schema=False).sink_parquet(out)


def calamine(source: str, _: str) -> None:
    import python_calamine

    python_calamine.CalamineWorkbook.from_path(source).get_sheet_by_index(0).to_python(skip_empty_area=False)


def townlake(source: str, out: str) -> None:
    """Probe and write raw: what the intake does, provenance included."""
    from ingestion.readers import probe, write_raw

    found = probe(Path(source))
    table = found.tables[0]
    constants = {
        "dataset": "gongan.changzhu",
        "file": "gongan/常住人口.csv",
        "delivery_id": "a" * 64,
        "received_at": dt.datetime.now(dt.UTC),
        "delivered_on": dt.date(2026, 10, 31),
    }
    write_raw(
        found,
        [table],
        Path(out),
        columns=[{name: name for name in table.columns}],
        target_columns=list(table.columns),
        constants=constants,
    )


RUNS: dict[str, Callable[[str, str], None]] = {f.__name__: f for f in (duckdb_copy, polars_sink, calamine, townlake)}


def measure(name: str, source: Path, out: Path, repeat: int) -> dict[str, Any]:
    """Best wall-clock seconds, CPU seconds and peak memory of ``repeat`` fresh processes, imports left out of the time."""
    best: dict[str, Any] = {}
    for _ in range(repeat):
        command = [sys.executable, __file__, "--run", name, str(source), str(out)]
        answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        if not best or answer["seconds"] < best["seconds"]:
            best = answer
    return best


def run_one(name: str, source: str, out: str) -> None:
    """One measured call in this process; prints JSON."""
    import resource

    sys.path.insert(0, str(ROOT))
    for module in (
        ("duckdb",)
        if name == "duckdb_copy"
        else ("polars",)
        if name == "polars_sink"
        else (
            "python_calamine",
            "pandas",
            "pyarrow.parquet",
            "pyarrow.csv",
            "pyarrow.compute",
            "ingestion.readers.bulk",
            "ingestion.readers.workbook",
        )
    ):
        __import__(module)
    started, used = time.perf_counter(), time.process_time()
    RUNS[name](source, out)
    print(
        json.dumps(
            {
                "seconds": round(time.perf_counter() - started, 3),
                "cpu": round(time.process_time() - used, 3),
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default="text,gb,workbook,memory")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run_one(*options.run)
        return
    only = set(options.only.split(","))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out = folder / "o.parquet"
        if only & {"text", "gb"}:
            text, gb = folder / "t.csv", folder / "g.csv"
            make_text(text, options.rows)
            base = {engine: measure(engine, text, out, options.repeat) for engine in ("duckdb_copy", "polars_sink")}
            faster = min(base.values(), key=lambda b: b["seconds"])
            print("bare engines", json.dumps(base))
            if "text" in only:
                show("utf-8 text", measure("townlake", text, out, options.repeat), faster, 1.4)
            if "gb" in only:
                with text.open(encoding="utf-8") as source, gb.open("w", encoding="gb18030", newline="") as target:
                    target.writelines(source)
                show("gb18030 text", measure("townlake", gb, out, options.repeat), faster, 2.5)
            text.unlink()
        if "workbook" in only:
            book = folder / "b.xlsx"
            make_workbook(book)
            show(
                "workbook of a million cells",
                measure("townlake", book, out, options.repeat),
                measure("calamine", book, out, options.repeat),
                1.5,
            )
        if "memory" in only:
            text = folder / "m.csv"
            make_text(text, 10_000_000)
            answer = measure("townlake", text, out, 1)
            print(f"ten million rows: {answer['seconds']} s, peak {answer['peak_mib']} MiB (limit 2048)")


def show(what: str, ours: dict[str, Any], base: dict[str, Any], limit: float) -> None:
    """One line: ours beside the base, as wall-clock and CPU time."""
    wall, cpu = ours["seconds"] / base["seconds"], ours["cpu"] / base["cpu"]
    print(
        f"{what}: {ours['seconds']} s against {base['seconds']} s = {wall:.2f} x (limit {limit}); CPU {ours['cpu']} s against {base['cpu']} s = {cpu:.2f} x; peak {ours['peak_mib']} MiB"
    )


if __name__ == "__main__":
    main()
