"""What a gate costs beside one hand-written query: `python benchmarks/gates.py [--rows 10000000]`.

A lake of two monthly deliveries of the household register (the contract's real columns, generated rows, 2 % with an issue), the
first of them published. Measured, each in a process of its own, on the second delivery:

    query   one hand-written DuckDB query with the checks of the dataset: rows, missing, foreign codes, repeated keys, issues by rule
    gate    `quality.gates.examine` of the staging gate, drift left out: the same checks through Great Expectations
    drift   the same with drift: value distributions, months, key overlap with the first delivery (no counterpart in the query)

Importing Great Expectations is told apart. Memory is the process's peak.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ingestion.contracts import Contracts, DatasetContract, load_contracts
from warehouse import builds, deliveries
from warehouse.home import Home
from warehouse.lake import literal, quote, reading, writing

DATASET = "gongan.changzhu"
VALUES = {
    "id_number": "'37060219' || lpad((n * 7919 % 100000000)::varchar, 8, '0') || lpad((n // 100000000)::varchar, 2, '0')",
    "sex_code": "(1 + n % 2)::varchar", "ethnic_code": "case when n % 50 = 0 then '11' else '01' end",
    "birth_date": "date '1940-01-01' + (n * 37 % 30000)::int", "relation_code": "['01', '10', '20'][1 + n % 3]",
    "marital_code": "['10', '20', '30', '40'][1 + n % 4]", "education_code": "['20', '60', '70', '80'][1 + n % 4]",
    "updated_at": "timestamp '2026-01-01' + to_days((n % 300)::int)",
}  # fmt: skip
ISSUE = (
    "{'rule': 'phone_short', 'column': 'phone', 'header': '联系电话', 'severity': 'warning', 'gbt36344': '0302', "
    "'outcome': 'nulled', 'raw': 'x', 'value': null::varchar}"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--keep", type=Path, help="make the lake here and keep it")
    parser.add_argument("--only", choices=sorted(MEASURED))
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(MEASURED[arguments.only](Home.throwaway(arguments.home))))
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Home.throwaway((arguments.keep or Path(folder)) / "home").prepare()
        make(home, arguments.rows)
        for name in ("query", "gate", "drift") * 2:  # the first round warms the page cache
            command = [sys.executable, __file__, "--only", name, "--home", str(home.root)]
            print(
                name, subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip(), flush=True
            )


def make(home: Home, rows: int) -> None:
    """The lake."""
    from quality import gates, results
    from warehouse.linkage import registry

    contract = load_contracts()[DATASET]
    values = ", ".join(
        f"{VALUES.get(c.name, literal(c.name) + ' || n % 1000')} as {quote(c.name)}" for c in contract.columns
    )
    with writing(home) as con:
        con.execute("call lake.set_option('parquet_compression', 'zstd')")
        for table in (deliveries, builds, registry, results):
            table.prepare(con)
    for delivery, day in (("first", "2026-10-31"), ("second", "2026-11-30")):
        select = f"""
            select '{DATASET}' as dataset, 'gongan/{delivery}.csv' as file, null::varchar as sheet, n + 2 as row_number,
                   '{delivery}' as delivery_id, {VALUES["id_number"]} as row_key, {values},
                   case when n % 50 = 0 then [{ISSUE}] else [] end as issues, false as is_refused
            from range({rows}) as r(n)"""
        checked = f"lake.staging.checked_{contract.model_name}"
        verb = f"create table {checked} as" if delivery == "first" else f"insert into {checked} by name"
        with writing(home) as con:
            con.execute(f"{verb} {select}")
            con.execute(
                f"""insert into lake.foundation.delivery by name
                    select '{delivery}' as delivery_id, '{DATASET}' as dataset, 'gongan' as department, 'gongan/{delivery}.csv' as file,
                           'full' as kind, date '{day}' as delivered_on, now() as received_at, 'taken' as status, {rows} as data_rows,
                           {rows} as accepted, 0 as quarantined"""
            )
        if delivery == "first":  # its profile is kept, as after every gate
            gates.run_gate(home, "staging", Contracts({DATASET: contract}), "b")
            with writing(home) as con:
                con.execute(
                    "insert into lake.foundation.build by name select 'b' as build_id, true as published, ['first'] as deliveries, "
                    "now() as finished_at, 1 as lake_snapshot"
                )


def query(home: Home) -> dict[str, float]:
    """By hand: one query."""
    from quality.suites.staging import allowed_codes

    contract = load_contracts()[DATASET]
    parts = ["count(*)", "count(*) filter (where is_refused)",
             "count(row_key) - count(distinct hash(row_key)) filter (where row_key is not null)"]  # fmt: skip
    for column in contract.columns:
        parts.append(f"count({quote(column.name)})")
        if codes := allowed_codes(column):
            parts.append(
                f"count(*) filter (where {quote(column.name)} not in ({', '.join(literal(c) for c in codes)}))"
            )
    checked = f"lake.staging.checked_{contract.model_name}"
    sql = f"""
        select (select count(*) from {checked} where delivery_id = 'first' and not is_refused) as earlier, c.*, i.*
        from (select {", ".join(parts)} from {checked} where delivery_id = 'second') as c,
             (select list((r, c, n)) from (
                  select said."rule" as r, said."column" as c, count(*) as n
                  from (select unnest(issues) as said from {checked} where delivery_id = 'second' and len(issues) > 0) group by all)) as i"""
    with reading(home, tip=True) as con:
        began = now()
        con.execute(sql).fetchall()
        return measured(began)


def gate(home: Home, *, drift: bool = False) -> dict[str, float]:
    """The staging gate."""
    from quality import gates
    from quality.suites import staging

    clock = time.perf_counter()
    import quality.adapter  # noqa: F401  (Great Expectations)

    imported = time.perf_counter() - clock
    contracts: dict[str, DatasetContract] = Contracts({DATASET: load_contracts()[DATASET]})
    if not drift:
        original = gates.suites_of
        gates.suites_of = lambda *a: [s for s in original(*a) if s.name != "staging.drift"]  # type: ignore[assignment]
    began = now()
    found = gates.examine(home, "staging", contracts)
    assert all(r.success for r in found.results if r.severity == "critical"), staging.DELIVERY
    return {**measured(began), "expectations": len(found.results), "import_seconds": round(imported, 2)}


def measured(began: tuple[float, float]) -> dict[str, float]:
    """Seconds since by the clock and by the processor (what others run does not count), and the process's peak memory."""
    wall, cpu = began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_mib": round(peak),
    }


def now() -> tuple[float, float]:
    """Clock and processor."""
    return time.perf_counter(), time.process_time()


MEASURED = {"query": query, "gate": gate, "drift": lambda home: gate(home, drift=True)}

if __name__ == "__main__":
    main()
