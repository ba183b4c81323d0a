"""Correction workbooks (更正表): refused rows that a department corrected in Excel and dropped back into its folder.

`townlake quarantine export` writes them: a sheet of refused rows as delivered, and a hidden sheet that says of each row
where it stands and what its cells were, sealed with a secret of this lakehouse. This module knows the layout of both
sheets, recognises such a workbook among deliveries and reads it: only cells that differ from the sealed ones are taken,
a row as a whole or not at all. What it finds becomes a raw file of corrections; the lake is not touched.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.sealed import (
    ROWS_LISTED,
    Cell,
    below_header,
    brought_before,
    is_sealed,
    read_sheets,
    seal,
    secret,
    write_raw,
)
from warehouse.home import Home

if TYPE_CHECKING:
    import polars as pl

    from ingestion.contracts import Contracts
    from ingestion.landing import Claim
    from ingestion.readers import FileProbe

SHEET, MANIFEST = "更正", "_townlake"
FORMAT = "townlake-quarantine-1"
LEAD = ("隔离编号", "退回原因", "处理", "更正人", "更正说明")
TAIL = ("来源文件", "来源工作表", "来源行号")
CORRECT, DISMISS = "更正", "作废"
UNSIGNED = "未署名"

_STATUS = "correction"


# ---- what both sides agree on ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Manifest:
    """What the hidden sheet says about the workbook; `columns` are names of the contract, `headers` what the sheet calls them."""

    workbook: str
    dataset: str
    contract: str
    exported_at: str
    columns: tuple[str, ...]
    headers: tuple[str, ...]

    def seal(self, key: bytes) -> str:
        return seal(
            key, FORMAT, self.workbook, self.dataset, self.contract, self.exported_at, self.columns, self.headers
        )

    def rows(self, key: bytes) -> list[list[str]]:
        """The first three rows of the hidden sheet."""
        head = [FORMAT, self.workbook, self.dataset, self.contract, self.exported_at, self.seal(key)]
        return [head, list(self.columns), list(self.headers)]


@dataclass(frozen=True)
class Refused:
    """One refused row as the hidden sheet keeps it; `is_defect` says that the line itself was not whole."""

    quarantine_id: str
    delivery_id: str
    file: str
    sheet: str
    row_number: str
    rule: str
    reason: str
    is_defect: bool
    cells: tuple[str, ...]

    def seal(self, key: bytes, manifest: Manifest) -> str:
        return seal(key, manifest.workbook, manifest.dataset, self.quarantine_id, self.delivery_id, self.file, self.sheet,
                    self.row_number, self.rule, self.reason, str(self.is_defect), manifest.columns, self.cells)  # fmt: skip

    def row(self, key: bytes, manifest: Manifest) -> list[str]:
        """The row of the hidden sheet."""
        return [self.quarantine_id, self.delivery_id, self.file, self.sheet, self.row_number, self.rule, self.reason,
                "1" if self.is_defect else "", self.seal(key, manifest), *self.cells]  # fmt: skip

    @classmethod
    def of(cls, row: Sequence[str], width: int) -> tuple[Refused, str]:
        """The row and the seal it carries."""
        known = [*row, *[""] * (9 + width - len(row))]
        head, given, cells = known[:8], known[8], tuple(known[9 : 9 + width])
        kept = cls(head[0], head[1], head[2], head[3], head[4], head[5], head[6], head[7] == "1", cells)
        return kept, given


# ---- recognising ----------------------------------------------------------------------------------------------------


def is_correction(found: FileProbe) -> bool:
    """Whether a probed file is a correction workbook, or what is left of one: it must never be taken for a delivery."""
    return is_sealed(found, MANIFEST, (*LEAD, *TAIL))


# ---- reading --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """Why one row of the workbook was not taken."""

    row: int
    quarantine_id: str
    code: str
    reason_zh: str
    file: str = ""
    sheet: str = ""
    row_number: str = ""


@dataclass
class Reading:
    """What a workbook brings: records of corrected cells, and every row that brings nothing with its reason."""

    records: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unchanged: int = 0
    unsigned: int = 0


def read(home: Home, claim: Claim, found: FileProbe, stored: Path, contracts: Contracts) -> dict[str, Any]:
    """The receipt's parts for a correction workbook; writes the raw file of its corrections.

    Raises:
        readers.Refused: not an xlsx, no hidden sheet or one that is not ours, altered headers, another department's folder.
    """
    from ingestion.readers import Refused as FileRefused

    if found.format not in ("xlsx", "xlsm"):
        raise FileRefused(
            "correction_format", "更正表要保存为 xlsx 格式：请用 Excel 或 WPS 打开导出的原文件，改好后直接保存",
            f"a correction workbook saved as {found.format}"
        )  # fmt: skip
    sheets = read_sheets(stored, (SHEET, MANIFEST))
    manifest, rows, key = _manifest(home, sheets.get(MANIFEST))
    contract = contracts.get(manifest.dataset)
    if contract is None:
        raise FileRefused(
            "correction_dataset", "这种数据已不在登记之列，请联系数据管理员", f"{manifest.dataset} is under no contract"
        )
    if contract.domain != claim.department:
        raise FileRefused(
            "wrong_department", f"这是“{contract.title}”的更正表，但放错了文件夹：请放入 {contract.domain}/",
            f"a correction workbook of {contract.id} in another department's folder"
        )  # fmt: skip
    known = {c.name for c in contract.columns if c.headers}
    result = _compare(_visible(sheets.get(SHEET), manifest), manifest, rows, key, known)
    records, repeated = _new_only(home, manifest.workbook, _frame(result.records, claim))
    raw = write_raw(home, f"{contract.domain}/_corrections", claim, records) if records.height else None
    return {
        "status": _STATUS,
        "dataset": contract.id,
        "title": contract.title,
        "contract": contract.fingerprint,
        "raw": raw,
        "column_titles": {c.name: c.business_name for c in contract.columns},
        "corrections": {
            "workbook": manifest.workbook,
            "exported_at": manifest.exported_at,
            **_counts(records),
            "repeated": repeated,
            "unchanged": result.unchanged,
            "unsigned": result.unsigned,
            "refused": len(result.problems),
            "problems": [asdict(p) for p in result.problems[:ROWS_LISTED]],
            "listed": _listed(records, dict(zip(manifest.columns, manifest.headers, strict=True))),
        },
    }


def _manifest(home: Home, sheet: list[list[Cell]] | None) -> tuple[Manifest, dict[str, tuple[Refused, str]], bytes]:
    """Manifest, rows by quarantine id with the seals they carry, and the key. Refuses what this lakehouse has not sealed."""
    from ingestion.readers import Refused as FileRefused

    rows = [[c.text for c in row] for row in sheet or []]
    if len(rows) < 3 or not rows[0] or rows[0][0] != FORMAT:
        raise FileRefused(
            "correction_without_manifest",
            "更正表缺少校验信息（隐藏的工作表被删除，或内容被复制到了别的文件）：请用导出的原文件填写，不要新建文件",
            "a correction workbook without its hidden sheet",
        )
    key = secret(home)
    head = [*rows[0], *[""] * 6]
    columns = tuple(t for t in rows[1] if t)
    manifest = Manifest(head[1], head[2], head[3], head[4], columns, tuple(rows[2][: len(columns)]))
    if not hmac.compare_digest(head[5].encode(), manifest.seal(key).encode()):
        raise FileRefused(
            "correction_tampered", "更正表的校验信息被改动，或不是由本系统导出：请重新导出后填写",
            "the seal of the correction workbook does not hold"
        )  # fmt: skip
    found = [Refused.of(row, len(columns)) for row in rows[3:] if any(row)]
    return manifest, {row.quarantine_id: (row, given) for row, given in found}, key


def _visible(sheet: list[list[Cell]] | None, manifest: Manifest) -> Iterator[tuple[int, list[Cell]]]:
    """(row number, cells) of the rows below the header. Refuses a sheet whose header is not as it was exported."""
    from ingestion.readers import Refused as FileRefused

    altered = FileRefused(
        "correction_header", "更正表的表头被改动（改名、插入、删除或移动了列）：请重新导出，只在数据格中更正",
        "the header of the correction workbook is not as exported"
    )  # fmt: skip
    return below_header(sheet, [*LEAD, *manifest.headers, *TAIL], altered)


def _compare(
    visible: Iterator[tuple[int, list[Cell]]],
    manifest: Manifest,
    rows: Mapping[str, tuple[Refused, str]],
    key: bytes,
    known: set[str],
) -> Reading:
    """Row by row what was changed; a clerk's workbook is small, so this is the one place that looks at single rows."""
    result = Reading()
    by_id: dict[str, list[tuple[int, list[Cell]]]] = {}
    for number, cells in visible:
        by_id.setdefault(cells[0].text.strip(), []).append((number, cells))
    for quarantine_id, given in by_id.items():
        number, cells = given[0]
        refused = rows.get(quarantine_id)
        if refused is None:
            for other, _ in given:
                result.problems.append(
                    Problem(other, quarantine_id, "tampered", "隔离编号为空、被改动，或不是这份更正表里的行，没有采用")
                )
            continue
        row, carried = refused
        if broken := _seal_broken(cells, manifest, row, carried, key):
            code, reason = "tampered", broken
        elif any([c.text for c in again] != [c.text for c in cells] for _, again in given[1:]):
            code, reason = "twice", "同一个隔离编号出现在几行，内容不同，无法判断以哪一行为准"
        else:
            code, reason = next(_objections(cells, manifest, row, known), ("", ""))
        if code:
            result.problems.append(Problem(number, quarantine_id, code, reason, row.file, row.sheet, row.row_number))
            continue
        _take(number, cells, manifest, row, result)
    return result


def _seal_broken(cells: list[Cell], manifest: Manifest, row: Refused, carried: str, key: bytes) -> str:
    """Why a row is not the one that was exported; empty where it is."""
    if not hmac.compare_digest(carried.encode(), row.seal(key, manifest).encode()):
        return "这一行的校验信息被改动，没有采用：请重新导出"
    where = tuple(c.text for c in cells[len(LEAD) + len(manifest.columns) :])
    if where != (row.file, row.sheet, row.row_number):
        return "来源文件、工作表或行号被改动，没有采用：这几栏请保持原样"
    return ""


def _objections(cells: list[Cell], manifest: Manifest, row: Refused, known: set[str]) -> Iterator[tuple[str, str]]:
    """(code, reason) of everything for which a row cannot be taken as it stands."""
    action = cells[2].text.strip()
    data = cells[len(LEAD) : len(LEAD) + len(manifest.columns)]
    changed = [at for at, cell in enumerate(data) if cell.fault or cell.text != row.cells[at]]
    headers = manifest.headers
    faulty = [f"“{headers[at]}”{data[at].fault}" for at in changed if data[at].fault]
    faulty += [f"“{LEAD[at]}”{cells[at].fault}" for at in (2, 3, 4) if cells[at].fault]
    if faulty:
        yield "cell", "；".join(faulty)
    if action not in ("", CORRECT, DISMISS):
        yield "unknown_action", f"“处理”栏只填“{CORRECT}”或“{DISMISS}”"
    if action == DISMISS and changed:
        yield "contradiction", f"“处理”栏是“{DISMISS}”，但又改了数据：要更正就选“{CORRECT}”，要作废就不改数据"
    if action == CORRECT and not changed and not row.is_defect:
        yield "nothing_changed", f"“处理”栏是“{CORRECT}”，但没有改动任何数据格"
    if gone := [headers[at] for at in changed if manifest.columns[at] not in known]:
        yield "column_gone", f"“{'、'.join(gone)}”已不在这种数据的登记列中：请重新导出"


def _take(number: int, cells: list[Cell], manifest: Manifest, row: Refused, result: Reading) -> None:
    action, by, note = (cells[at].text.strip() for at in (2, 3, 4))
    data = [c.text for c in cells[len(LEAD) : len(LEAD) + len(manifest.columns)]]
    changed = [at for at, text in enumerate(data) if text != row.cells[at]]
    if not changed and not action:
        result.unchanged += 1
        return
    result.unsigned += not by
    as_refused = {h: c or None for h, c in zip(manifest.headers, row.cells, strict=True)}
    base = {
        "quarantine_id": row.quarantine_id, "delivery_id": row.delivery_id, "file": row.file, "sheet": row.sheet or None,
        "row_number": int(row.row_number), "rule": row.rule, "reason": row.reason,
        "raw": json.dumps(as_refused, ensure_ascii=False), "by": by or None, "note": note or None, "at_row": number,
    }  # fmt: skip
    nothing = {"column": None, "old_value": None, "new_value": None}
    if action == DISMISS:
        result.records.append({**base, **nothing, "kind": "dismiss"})
    elif not changed:
        result.records.append({**base, **nothing, "kind": "confirm"})
    for at in changed:
        cell = {"column": manifest.columns[at], "old_value": row.cells[at] or None, "new_value": data[at] or None}
        result.records.append({**base, **cell, "kind": "correct"})


# ---- what becomes of it ---------------------------------------------------------------------------------------------


def _frame(records: list[dict[str, Any]], claim: Claim) -> pl.DataFrame:
    """One row per corrected cell, dismissed row or row confirmed as a whole."""
    import polars as pl

    texts = ("kind", "quarantine_id", "delivery_id", "file", "sheet", "rule", "reason", "raw", "by", "note", "column",
             "old_value", "new_value")  # fmt: skip
    schema: dict[str, Any] = {**dict.fromkeys(texts, pl.String), "row_number": pl.Int64, "at_row": pl.Int64}
    return pl.DataFrame(records, schema=schema, orient="row").with_columns(
        pl.col("by").fill_null(f"{UNSIGNED}（{claim.department}）")
    )


def _new_only(home: Home, workbook: str, records: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Records that an earlier copy of the same workbook has not brought already, and how many rows are only repeated."""
    import polars as pl

    before = brought_before(home, _STATUS, "corrections", workbook)
    if not before or not records.height:
        return records, 0
    cell = ["quarantine_id", "column"]
    last = pl.concat(before).unique(cell, keep="last", maintain_order=True).select(*cell, "kind", "new_value")
    new = records.join(last, on=[*cell, "kind", "new_value"], how="anti", nulls_equal=True)
    return new, records["quarantine_id"].n_unique() - new["quarantine_id"].n_unique()


def _counts(records: pl.DataFrame) -> dict[str, int]:
    import polars as pl

    def rows(kind: str) -> int:
        return records.filter(pl.col("kind") == kind)["quarantine_id"].n_unique()

    return {
        "rows": rows("correct"),
        "cells": records.filter(pl.col("kind") == "correct").height,
        "confirmed": rows("confirm"),
        "dismissed": rows("dismiss"),
    }


def _listed(records: pl.DataFrame, titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows taken, for the receipt: where each stands and which columns were corrected, never what they say."""
    import polars as pl

    rows = (
        records.with_columns(pl.col("column").replace_strict(titles, default=None, return_dtype=pl.String))
        .group_by("quarantine_id", maintain_order=True)
        .agg(
            pl.col("file", "sheet", "row_number", "kind", "by", "at_row").first(), columns=pl.col("column").drop_nulls()
        )
    )
    return rows.head(ROWS_LISTED).to_dicts()
