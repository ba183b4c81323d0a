"""What became of every damaged cell of a labelled city, by kind of defect.

    python benchmarks/cleaning.py HOME CITY/truth [--out benchmarks/cleaning.md] [--json F.json]

HOME is a lakehouse that has built all deliveries of CITY. For each damaged cell of the answer key the value that staging ended
with is compared with the standard form of the original. Outcomes:

    right     the true value, for a recoverable cell or by luck (of a moment cut to its day: the day)
    missing   no value: right for what cannot be recovered, a loss for what can
    doubted   another value, but the row says so (an issue on that column)
    refused   the row is in quarantine
    wrong     another value, and nothing says so

Undamaged cells are counted too: any that lost its value or was repaired although the key lists no damage.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import duckdb
import polars as pl

from ingestion.contracts import Column, Contracts, DatasetContract, load_contracts
from ingestion.recognise import normal
from warehouse.home import Home
from warehouse.lake import literal, quote, reading
from warehouse.standard import select

ROW_DEFECTS = ("duplicate_exact", "duplicate_near", "ragged_empty_tail", "ragged_extra_field", "ragged_missing_fields",
               "same_record_other_file", "truncated_line")  # fmt: skip
"""Defects of a whole row: the row counts decide about them (evaluate.py)."""
UNSEEN = ("name_homophone", "name_rare_variant", "org_name_variant", "id_of_relative")
"""Damage that leaves a sound cell: another character, another spelling, another person's sound number."""
NO_VALUE = ("null_word", "sex_unknown", "name_anonymous")


def cells(con: duckdb.DuckDBPyConnection, contract: DatasetContract) -> str:
    """SQL: one row per cell of a dataset: locator, column, raw, value, rule and outcome said of it, refused."""
    parts = [
        f"""select file, coalesce(sheet, '') as sheet, row_number, delivery_id, {literal(c.name)} as name, {quote(c.name + "_raw")} as raw,
                   {quote(c.name)}::varchar as value, list_filter(issues, lambda i: i."column" = {literal(c.name)})[1] as issue,
                   len(issues) as row_issues, is_refused
            from lake.staging.{quote("checked_" + contract.model_name)}"""
        for c in contract.columns
    ]
    return " union all ".join(parts)


def keyed(contracts: Contracts, columns: list[tuple[str, str]]) -> pl.DataFrame:
    """Answer-key column → contract column: by department, file and header."""
    rows = []
    for dataset, header in columns:
        contract = contracts[dataset]
        wanted = normal(header)
        for column in contract.columns:
            names = {normal(h) for h in (column.business_name, *column.headers)}
            if wanted in names or normal(header.rsplit(" ", 1)[-1]) in names:
                rows.append((dataset, header, column.name))
                break
    return pl.DataFrame(rows, schema=dict.fromkeys(["dataset", "header", "name"], pl.Utf8), orient="row")


def expected(con: duckdb.DuckDBPyConnection, damaged: pl.DataFrame, column: Column) -> pl.DataFrame:
    """The standard form of the originals of one column."""
    standard = column.custom.standard
    alone = {k: v for k, v in standard.options.items() if k in ("codes", "formats", "width", "unit", "units", "form", "traditional",
                                                               "scale", "separators", "open", "keep_unknown", "date_order")}  # fmt: skip
    if standard.kind == "date":
        alone["formats"] = ["YYYY-MM-DD", *alone.get("formats", [])]
    con.register("originals", damaged.to_arrow())
    frame = con.execute(select(standard.kind, "originals", "original", alone)).pl()
    con.unregister("originals")
    return frame.select(original=pl.col("raw"), expected=pl.col("value").cast(pl.Utf8)).unique("original")


def compare(home: Home, truth: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(damaged cells with what became of them, undamaged cells that did not keep their value)."""
    contracts = load_contracts()
    defects = pl.read_parquet(truth / "defect.parquet").filter(~pl.col("kind").is_in(ROW_DEFECTS))
    defects = defects.with_columns(path=pl.col("file").str.replace(r"^landing(_\d+)?/", ""))
    damaged_parts, changed_parts = [], []
    with reading(home) as con:
        taken = con.execute(
            "select dataset, delivery_id, file, aliases, received_at from foundation.delivery where status = 'taken'"
        ).pl()
        periods = _periods(taken, pl.read_parquet(truth / "file.parquet"))
        for dataset, contract in sorted(contracts.items()):
            files = periods.filter(pl.col("dataset") == dataset)
            if files.is_empty():
                continue
            mine = defects.join(files, on=["period", "path"], how="inner")
            every = con.execute(f"select * from ({cells(con, contract)})").pl()
            names = keyed(contracts, [(dataset, h) for h in mine["column"].unique().to_list()])
            mine = mine.join(names, left_on=["dataset", "column"], right_on=["dataset", "header"], how="left")
            every = every.with_columns(sheet_key=pl.col("sheet"))
            one_sheet = every["sheet"].n_unique() == 1
            on = ["delivery_id", "row_number", "name"] + ([] if one_sheet else ["sheet"])
            found = mine.join(every, on=on, how="left", suffix="_cell")
            for name in found["name"].drop_nulls().unique().to_list():
                column = next(c for c in contract.columns if c.name == name)
                part = found.filter(pl.col("name") == name)
                part = part.join(expected(con, part.select("original").unique(), column), on="original", how="left")
                damaged_parts.append(part.with_columns(standard=pl.lit(column.custom.standard.kind)).select(SHOWN))
            where = mine.select("delivery_id", "row_number", *([] if one_sheet else ["sheet"])).unique()
            sound = every.join(where, on=where.columns, how="anti").filter(
                pl.col("issue").is_not_null() & ~pl.col("is_refused")
            )
            sound = sound.unnest("issue", separator="_") if sound.height else sound
            if sound.height:
                sound = sound.filter(
                    pl.col("issue_outcome").is_in(["nulled", "repaired"]) & ~pl.col("issue_rule").is_in(NO_VALUE)
                )
                changed_parts.append(
                    sound.select(
                        pl.lit(dataset).alias("dataset"),
                        "name",
                        rule="issue_rule",
                        outcome="issue_outcome",
                        raw="raw",
                        value="value",
                    )
                )
    return pl.concat(damaged_parts), pl.concat(changed_parts)


SHOWN = [
    "dataset", "kind", "recoverable", "name", "standard", "file", "row_number", "original", "damaged", "raw", "value", "expected",
    "issue", "row_issues", "is_refused",
]  # fmt: skip


def _periods(taken: pl.DataFrame, files: pl.DataFrame) -> pl.DataFrame:
    """delivery_id, dataset, period, path (below landing): files of one name are told apart by the order they came in."""
    listed = files.filter(pl.col("kind") == "data").with_columns(
        path=pl.col("file").str.replace(r"^landing(_\d+)?/", "")
    )
    listed = listed.select("period", "path").unique()
    named = taken.with_columns(path=pl.col("file").str.replace(r"\.zip/.*$", ".zip")).sort("received_at")
    named = named.with_columns(nth=pl.col("delivery_id").cum_count().over("path"))
    listed = listed.sort("period").with_columns(nth=pl.col("period").cum_count().over("path"))
    return named.join(listed, on=["path", "nth"], how="inner").select("delivery_id", "dataset", "period", "path")


def judge(damaged: pl.DataFrame) -> pl.DataFrame:
    """Adds `outcome` to each damaged cell."""
    day = pl.col("kind").str.starts_with("date_") & (pl.col("value").str.head(10) == pl.col("expected").str.head(10))
    value, true = pl.col("value").cast(pl.Float64, strict=False), pl.col("expected").cast(pl.Float64, strict=False)
    # the row's own unit decides (yuan or ten thousand), and a value in 万元 was rounded by whoever wrote it
    money = (pl.col("standard") == "amount") & pl.any_horizontal(
        [(value - true * k).abs() <= (true * k).abs() * 0.005 for k in (1, 10_000)]
    )
    right = (pl.col("value") == pl.col("expected")) | day | money
    return damaged.with_columns(
        outcome=pl.when(pl.col("is_refused").is_null()).then(pl.lit("not read"))
        .when(pl.col("is_refused")).then(pl.lit("refused"))
        .when(right).then(pl.lit("right"))
        .when(pl.col("value").is_null()).then(pl.lit("missing"))
        .when(pl.col("issue").is_not_null()).then(pl.lit("doubted"))
        .otherwise(pl.lit("wrong"))
    )  # fmt: skip


OUTCOMES = ["right", "missing", "doubted", "refused", "wrong", "not read"]


def table(judged: pl.DataFrame) -> pl.DataFrame:
    """One row per kind of defect and recoverability: cells by outcome."""
    wide = judged.pivot(on="outcome", index=["kind", "recoverable"], values="row_number", aggregate_function="len")
    for outcome in OUTCOMES:
        if outcome not in wide.columns:
            wide = wide.with_columns(pl.lit(0, dtype=pl.UInt32).alias(outcome))
    wide = wide.with_columns(pl.col(OUTCOMES).fill_null(0).cast(pl.Int64))
    return (
        wide.with_columns(cells=pl.sum_horizontal(OUTCOMES))
        .select("kind", "recoverable", "cells", *OUTCOMES)
        .sort("kind", "recoverable")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--show", help="print the cells of one kind of defect that are not right")
    arguments = parser.parse_args()
    damaged, changed = compare(Home.at(arguments.home), arguments.truth)
    judged = judge(damaged)
    if arguments.show:
        wrong = judged.filter((pl.col("kind") == arguments.show) & ~pl.col("outcome").is_in(["right"]))
        print(
            wrong.select(
                "dataset",
                "name",
                "original",
                "raw",
                "value",
                "expected",
                "outcome",
                rule=pl.col("issue").struct.field("rule"),
            ).head(60)
        )
        return
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=160, tbl_hide_dataframe_shape=True, tbl_formatting="ASCII_MARKDOWN",
                   tbl_hide_column_data_types=True, fmt_str_lengths=80):  # fmt: skip
        print(table(judged))
        print(changed.group_by("dataset", "name", "rule", "outcome").len().sort("len", descending=True))
    can = judged.filter((pl.col("recoverable") == "yes") & ~pl.col("kind").str.starts_with("addr_"))
    cannot = judged.filter(pl.col("recoverable") == "no")
    seen = cannot.filter(~pl.col("kind").is_in(UNSEEN))
    unseen = cannot.filter(pl.col("kind").is_in(UNSEEN) & (pl.col("outcome") == "wrong")).height
    summary = {
        "recoverable cells without addresses": can.height,
        "of them right": can.filter(pl.col("outcome") == "right").height,
        "unrecoverable cells": cannot.height,
        "of them wrong and not doubted, damage seen in the row": seen.filter(pl.col("outcome") == "wrong").height,
        "wrong and not doubted, damage that leaves a sound cell": unseen,
        "undamaged cells nulled or repaired": changed.height,
    }
    print(json.dumps(summary, indent=1))
    if arguments.json:
        arguments.json.write_text(
            json.dumps({**summary, "kinds": table(judged).to_dicts()}, ensure_ascii=False, indent=1), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
