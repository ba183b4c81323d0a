"""Refused rows out to the departments: one correction workbook per department and dataset."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.contracts import Contracts, DatasetContract
from ingestion.corrections import Manifest, Refused
from ingestion.files import BEIJING, safe_stem, write_atomic
from ingestion.sealed import secret, shown
from townlake.quarantine.workbook import Finding, Line, workbook
from warehouse import store
from warehouse.errors import EnvironmentFault, WrongUse
from warehouse.home import Home
from warehouse.lake import reading, table_exists

if TYPE_CHECKING:
    import duckdb
    import polars as pl

ROWS_IN_A_WORKBOOK = 5_000
"""More rows go into further workbooks: a clerk has to read them."""


@dataclass(frozen=True)
class Exported:
    """One workbook written."""

    file: str
    department: str
    dataset: str
    rows: int


def export(
    home: Home,
    contracts: Contracts,
    *,
    department: str | None = None,
    dataset: str | None = None,
    out: Path | None = None,
    superseded: bool = False,
) -> list[Exported]:
    """Writes the open rows of the published quarantine; into `out`, else into each department's outbox.

    Rows of a full delivery that a newer one has replaced are no work any more: only with `superseded`.
    Raises WrongUse for a department or dataset that no contract knows, or an `out` that is a file.
    """
    chosen = choose(contracts, department, dataset)
    if out is not None and out.exists() and not out.is_dir():
        raise WrongUse(f"{out} is a file: --out names a folder")
    done: list[Exported] = []
    with reading(home) as con:
        if not table_exists(con, "intermediate", "int_quarantine__refused"):
            raise WrongUse(
                "this lake was built before refused rows could be exported: run `townlake build --full` first"
            )
        for contract in chosen:
            rows = _open_rows(con, home, contract, superseded)
            for number, part in enumerate(rows.iter_slices(ROWS_IN_A_WORKBOOK), start=1):
                folder = out or home.outbox / contract.domain
                done.append(_write(home, contract, part, folder, number))
    return done


def choose(contracts: Contracts, department: str | None, dataset: str | None) -> list[DatasetContract]:
    """Contracts of a department or dataset. Raises WrongUse where there is none."""
    found = [c for c in contracts.values() if department in (None, c.domain) and dataset in (None, c.id)]
    if not found:
        raise WrongUse(f"no contract for {dataset or department!r}: see `townlake source list`")
    return found


def _open_rows(con: duckdb.DuckDBPyConnection, home: Home, contract: DatasetContract, superseded: bool) -> pl.DataFrame:
    """Open rows with their cells as they stand now: as delivered, with what was corrected so far in its place.

    One row per refused row, newest deliveries first; the contract's cells as `cell.<name>`.
    """
    con.execute(
        """create or replace temp table chosen as
           select r.quarantine_id, r.delivery_id, r.file, r.sheet, r.row_number, r.delivered_on, r."rule", r.reason, r.is_line_defect,
                  r.findings
           from lake.intermediate.int_quarantine__refused as r
           join lake.foundation.quarantine as q on r.quarantine_id = q.quarantine_id and r.delivery_id = q.delivery_id
           where r.dataset = $1 and q.status = 'open'
             and ($2 or r.dataset not in (select dataset from lake.intermediate.int_delivery__current)
                  or r.delivery_id in (select delivery_id from lake.intermediate.int_delivery__current))""",
        [contract.id, superseded],
    )
    raw = con.execute(
        "select distinct d.raw from lake.foundation.delivery as d join chosen using (delivery_id) order by all"
    ).fetchall()
    names = [c.name for c in contract.columns if c.headers]
    if not raw:
        return con.execute("select * from chosen").pl()
    paths = [home.address(r[0]) for r in raw]
    if missing := [r[0] for r in raw if store.size(home, r[0]) is None]:
        raise EnvironmentFault(f"the raw file {home.address(missing[0])} is gone: restore it from a backup")
    shape = ", ".join(f'null::varchar as "{name}"' for name in names)
    cells = ", ".join(
        f"""case when fix."{n}" is not null then fix."{n}".v else raw."{n}" end as "cell.{n}" """ for n in names
    )
    fixes = ", ".join(
        f"""arg_max(struct_pack(v := new_value), (corrected_at, workbook_delivery_id)) filter (where "column" = '{n}') as "{n}" """
        for n in names
    )
    return con.execute(
        f"""with raw as (
                select null::varchar as delivery_id, null::varchar as sheet, null::bigint as row_number, null::varchar as _extra, {shape}
                where false
                union all by name
                select * from read_parquet($1, union_by_name = true)),
            fix as (
                select delivery_id, sheet, row_number, {fixes} from lake.quality.correction where dataset = $2
                group by delivery_id, sheet, row_number)
            select chosen.*, raw._extra, {cells}
            from chosen
            join raw on chosen.delivery_id = raw.delivery_id and chosen.row_number = raw.row_number and chosen.sheet is not distinct from raw.sheet
            left join fix on chosen.delivery_id = fix.delivery_id and chosen.row_number = fix.row_number
                and chosen.sheet is not distinct from fix.sheet
            order by chosen.delivered_on desc, chosen.file, chosen.sheet, chosen.row_number""",
        [paths, contract.id],
    ).pl()


def _write(home: Home, contract: DatasetContract, rows: pl.DataFrame, folder: Path, number: int) -> Exported:
    now = datetime.now(UTC)
    columns = [c for c in contract.columns if c.headers]
    manifest = Manifest(
        workbook=uuid.uuid4().hex[:12],
        dataset=contract.id,
        contract=contract.fingerprint,
        exported_at=now.isoformat(timespec="seconds"),
        columns=tuple(c.name for c in columns),
        headers=tuple(c.business_name for c in columns),
    )
    cell_of = {c.name: c.custom.same_cell_as or c.name for c in contract.columns}
    lines = list(_lines(rows, manifest, cell_of))
    part = f"_{number}" if number > 1 else ""
    name = f"更正表_{safe_stem(contract.name)}_{now.astimezone(BEIJING):%Y%m%d}{part}.xlsx"
    path = folder / name
    write_atomic(path, workbook(contract, manifest, lines, secret(home)))
    return Exported(str(path), contract.domain, contract.id, rows.height)


def _lines(rows: pl.DataFrame, manifest: Manifest, cell_of: Mapping[str, str]) -> Iterator[Line]:
    """Rows as the workbook takes them; what a workbook writes, it writes cell by cell."""
    for row in rows.iter_rows(named=True):
        yield Line(
            Refused(
                quarantine_id=row["quarantine_id"],
                delivery_id=row["delivery_id"],
                file=shown(row["file"]),
                sheet=shown(row["sheet"]),
                row_number=str(row["row_number"]),
                rule=row["rule"],
                reason=shown(row["reason"]),
                is_defect=bool(row["is_line_defect"]),
                cells=tuple(shown(row[f"cell.{name}"]) for name in manifest.columns),
            ),
            tuple(_findings(row["findings"], cell_of)),
            shown(_beyond(row["_extra"])),
        )


def _findings(found: Sequence[Mapping[str, Any]], cell_of: Mapping[str, str]) -> Iterator[Finding]:
    for finding in found:
        column = finding["column"]
        yield Finding(
            cell_of.get(column, column) if column else None, finding["reason"], finding["severity"] == "quarantine"
        )


def _beyond(extra: str | None) -> str:
    """What a row held beyond the contract's columns, in one line."""
    if not extra:
        return ""
    return "；".join(f"{k}：{v}" if not k.startswith("+") else str(v) for k, v in json.loads(extra).items())
