"""Cost of the standard data elements on ten million person rows, against bare SQL for the same columns.

    python benchmarks/standardise.py [rows] [--bare]

Five columns (id, name, sex-free; birth date, telephone, address for the width forms), one cell in twelve damaged. The
bare query does the least that could be called cleaning: check character, date cast, telephone digits, width and
spaces, each written by hand for clean cells. Both read Parquet and write zstd Parquet.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from warehouse import standard

COLUMNS: dict[str, tuple[str, dict[str, Any]]] = {
    "id": ("citizen_id", {}),
    "name": ("person_name", {}),
    "birth": ("date", {"formats": ["YYYYMMDD"]}),
    "phone": ("phone", {}),
    "address": ("address", {}),
}
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def make_rows(connection: duckdb.DuckDBPyConnection, rows: int, path: Path) -> None:
    """Persons with sound check characters; every twelfth cell has one of the usual faults."""
    total = " + ".join(f"cast(substr(body, {i + 1}, 1) as int) * {w}" for i, w in enumerate(WEIGHTS))
    connection.execute(
        f"""
        copy (
        with numbers as (select range as n, hash(range) as h from range({rows})),
        bodies as (select n, h, strftime(date '1935-01-01' + cast(h % 32000 as int), '%Y%m%d') as birth,
            ['370602', '370681', '370613', '370634'][1 + cast(h % 4 as int)] as area from numbers),
        persons as (select *, area || birth || lpad(cast(h // 7 % 990 as varchar), 3, '0') as body from bodies),
        sound as (select *, body || substr('10X98765432', ({total}) % 11 + 1, 1) as id,
            substr('王李张刘陈杨赵黄周吴', 1 + cast(h // 11 % 10 as int), 1)
            || substr('伟芳娜秀英敏静丽强磊', 1 + cast(h // 13 % 10 as int), 1)
            || substr('军洋勇艳杰娟涛明超兰', 1 + cast(h // 17 % 10 as int), 1) as name,
            '1' || cast(3 + h // 19 % 7 as varchar) || lpad(cast(h // 23 % 1000000000 as varchar), 9, '0') as phone,
            '山东省烟台市芝罘区世回尧街道工商大街' || cast(h // 29 % 300 as varchar) || '号阳光府'
            || cast(h // 31 % 30 as varchar) || '号楼2单元' || cast(h // 37 % 900 as varchar) || '号' as address from persons)
        select
        case h // 41 % 24 when 0 then ' ' || id when 1 then lower(id) || '　' else id end as id,
        case h // 43 % 24 when 0 then name || '　' when 1 then substr(name, 1, 1) || ' ' || substr(name, 2) else name end as name,
        case h // 47 % 24 when 0 then substr(birth, 1, 4) || '/' || substr(birth, 5, 2) || '/' || substr(birth, 7)
            when 1 then '不详' else birth end as birth,
        case h // 53 % 24 when 0 then '+86' || phone when 1 then substr(phone, 1, 3) || '-' || substr(phone, 4) else phone end as phone,
        case h // 59 % 24 when 0 then translate(address, '0123456789', '０１２３４５６７８９') when 1 then address || ' ' else address end as address
        from sound) to '{path}' (format parquet, compression zstd)"""
    )


def library_query(source: Path) -> str:
    """The three set-based stages, as the staging layer writes them, for all columns at once."""

    def stage(name: str, what: Any) -> str:
        return ", ".join(f"{what(column, *spec)} as {column}__{name}" for column, spec in COLUMNS.items())

    clean = stage("clean", lambda c, kind, o: standard.expression(kind, "clean", raw=c, opts=o))
    value = stage("value", lambda c, kind, o: standard.expression(kind, "value", raw=c, clean=f"{c}__clean", opts=o))
    rule = stage(
        "rule",
        lambda c, kind, o: standard.expression(kind, "rule", raw=c, clean=f"{c}__clean", value=f"{c}__value", opts=o),
    )
    keep = ", ".join(f"{c}__value as {c}, {c}__rule" for c in COLUMNS)
    return f"""
        with cleaned as (select *, {clean} from read_parquet('{source}')),
        valued as (select *, {value} from cleaned),
        ruled as (select *, {rule} from valued)
        select {keep} from ruled"""


def bare_query(source: Path) -> str:
    total = " + ".join(f"cast(substr(id, {i + 1}, 1) as int) * {w}" for i, w in enumerate(WEIGHTS))
    wide, narrow = standard.macros()["std_text_width_from"](), standard.macros()["std_text_width_to"]()
    return f"""
        with trimmed as (select upper(trim(replace(id, '　', ''))) as id, replace(replace(name, ' ', ''), '　', '') as name, birth,
            regexp_replace(phone, '[^0-9]', '', 'g') as phone,
            case when regexp_matches(address, '[０-９Ａ-Ｚａ-ｚ]') then translate(address, '{wide}', '{narrow}') else address end as address
            from read_parquet('{source}'))
        select case when regexp_full_match(id, '[0-9]{{17}}[0-9X]') then
            case when substr('10X98765432', ({total}) % 11 + 1, 1) = substr(id, 18, 1) then id end end as id,
        name, try_cast(try_strptime(replace(birth, '/', ''), '%Y%m%d') as date) as birth,
        case when regexp_full_match(right(phone, 11), '1[3-9][0-9]{{9}}') then right(phone, 11) end as phone, trim(address) as address
        from trimmed"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=10_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        source = Path(folder) / "persons.parquet"
        make_rows(connection, rows, source)
        for name, query in (("bare SQL", bare_query(source)), ("standard data elements", library_query(source))):
            begun, worked = time.perf_counter(), time.process_time()
            connection.execute(f"copy ({query}) to '{folder}/out.parquet' (format parquet, compression zstd)")
            wall, cpu = time.perf_counter() - begun, time.process_time() - worked
            print(f"{name}: {wall:.1f} s, {cpu:.1f} s of processor time, {rows:,} rows")


if __name__ == "__main__":
    main()
