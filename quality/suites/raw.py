"""The gate behind raw: the files that receipts name are there, whole, and say what the receipts say.

A raw file that cannot be opened would break every query over it: the file is asked first for its footer alone, by
`prepare`, and one that has none is a finding of its own.
"""

from __future__ import annotations

from quality.checks import Check, Suite, one_of, table
from quality.ground import Ground
from warehouse.deliveries import ROW_KINDS
from warehouse.lake import literal
from warehouse.store import is_parquet

DELIVERY = "foundation.delivery"
TYPED = {"row_number": ("INT64",), "received_at": ("INT64", "INT96"), "delivered_on": ("INT32",)}
"""Columns of the locator that are not text, with their Parquet types."""


def raw_suite(ground: Ground) -> Suite:
    """Counts by kind of row equal those of the receipt, every row can be found again, every cell is text."""
    files = {d.delivery_id: f"{ground.root}/{d.raw}" for d in ground.deliveries if d.is_looked_at and d.raw}
    whole = {delivery: path for delivery, path in files.items() if is_parquet(path)}
    kinds = ", ".join(f"count(*) filter (where row_kind = '{k}') as {k}_found" for k in ROW_KINDS)
    rows = f"""
        select delivery_id, count(*) as found, {kinds},
               count(*) - count(distinct hash(sheet, row_number)) as row_repeats,
               count(*) filter (where row_number is null or file is null or dataset is null) as unlocated
        from read_parquet({_list(whole.values())}, union_by_name = true) group by delivery_id"""
    typed = " or ".join(f"(name = {literal(c)} and type in {one_of(types)})" for c, types in TYPED.items())
    other = f"""
        select file_name as path, string_agg(name, '、' order by name) as columns
        from parquet_schema({_list(whole.values())})
        where type is not null and not (type = 'BYTE_ARRAY' or {typed}) group by file_name"""
    where = " union all ".join(f"select {literal(d)} as delivery_id, {literal(p)} as path" for d, p in files.items())
    said = " + ".join(f"coalesce({k}_rows, 0)" for k in ROW_KINDS)
    wrong = " + ".join(f"abs(coalesce({k}_rows, 0) - coalesce({k}_found, 0))" for k in ROW_KINDS)
    if not whole:
        empty = ", ".join(
            f"0 as {c}" for c in ("found", *(f"{k}_found" for k in ROW_KINDS), "row_repeats", "unlocated")
        )
        rows, other = (
            f"select null as delivery_id, {empty} where false",
            "select null as path, null as columns where false",
        )
    profile = f"""
        select d.delivery_id, d.dataset, d.file, d.delivered_on, {said} as "rows", {wrong} as miscounted,
               {", ".join(f"d.{k}_rows" for k in ROW_KINDS)}, r.* exclude (delivery_id),
               d.delivery_id not in {one_of(whole)} as is_broken, other.columns as other_columns
        from (select * from {table(DELIVERY)} where delivery_id in {one_of(ground.looked_at())}) as d
        left join ({where or "select null as delivery_id, null as path where false"}) as named using (delivery_id)
        left join ({rows}) as r using (delivery_id) left join ({other}) as other using (path)"""
    return Suite("raw.delivery", "原始层", profile, _CHECKS, (DELIVERY,))


def _counts(kind_of: str) -> str:
    return " || ' · ' || ".join(f"'{k} ' || coalesce({k}_{kind_of}, 0)" for k in ROW_KINDS)


_CHECKS = (
    Check("file_whole", "原始文件在且完整", "the raw file to be there and whole", "critical", "case when is_broken then \"rows\" else 0 end",
          fails="is_broken", gbt36344="0601", found_zh="'文件不在或已损坏'", found_en="'it is gone or damaged'"),
    Check("rows_as_receipt", "各类行数与回执一致", "rows of every kind as the receipt says", "critical",
          "case when is_broken then 0 else miscounted end", gbt36344="0202",
          found_zh=f"'回执 ' || {_counts('rows')} || '；文件 ' || {_counts('found')}",
          found_en=f"'receipt ' || {_counts('rows')} || '; file ' || {_counts('found')}"),
    Check("locator_unique", "每行的工作表与行号不重复", "no sheet and row number twice", "critical", "coalesce(row_repeats, 0)", "row_number",
          gbt36344="0304"),
    Check("locator_present", "每行都能定位", "a complete row locator", "critical", "coalesce(unlocated, 0)", gbt36344="0201"),
    Check("cells_are_text", "每个单元格都按原样保存为文本", "every cell as text", "critical",
          "case when other_columns is null then 0 else \"rows\" end", fails="other_columns is not null", gbt36344="0302",
          found_zh="'不是文本的列：' || other_columns", found_en="'not text: ' || other_columns"),
)  # fmt: skip


def _list(paths: object) -> str:
    return "[" + ", ".join(literal(p) for p in paths) + "]"  # type: ignore[attr-defined]
