"""The gate behind staging: rows conserved, and what the contract promises of each delivery.

Of every dataset two scratch tables are made, each by one pass over the rows that are looked at, and everything else reads
those (the drift of `quality.suites.drift` and the rule results too):

    content_<model>   one row per delivery: rows, and per column how many values were given, missing, foreign
    issue_<model>     one row per delivery, rule and column: rows with that issue, and where the first of them stand
"""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.contracts import Column, DatasetContract
from quality.checks import SAMPLES, Check, Suite, by_share, one_of, table
from quality.ground import Ground
from warehouse.lake import literal, quote

DELIVERY = "foundation.delivery"
NO_VALUE_GIVEN = ("null_word", "sex_unknown", "name_anonymous")
"""Rules for a cell that says in words that there is no value: nothing unusable was delivered."""

FREE_KINDS = ("text", "address", "org_name", "person_name")
"""Kinds that take nearly any text: whether a value fits says little about its column."""
IDENTITY_KINDS = ("citizen_id", "id_document", "disability_certificate", "uscc")
"""Kinds by which rows become people and organisations."""


def checked_table(contract: DatasetContract) -> str:
    """`schema.table` with every data row of a dataset."""
    return f"staging.checked_{contract.model_name}"


# ---- every delivery, every time -------------------------------------------------------------------------------------


def deliveries_suite(contracts: Mapping[str, DatasetContract], ground: Ground) -> Suite:
    """Every taken delivery has a contract, so that its rows have somewhere to go, and no row was lost or doubled."""
    known = one_of(contracts)
    checked = [checked_table(c) for c in contracts.values() if c.id in ground.datasets]
    counts = [
        f"select delivery_id, count(*) as rows, count(*) filter (where is_refused) as refused from {table(t)} group by delivery_id"
        for t in checked
        if t in ground.relations
    ]
    standing = " union all ".join(counts) or "select null as delivery_id, 0 as rows, 0 as refused where false"
    profile = f"""
        select d.delivery_id, d.dataset, d.file, d.delivered_on, coalesce(d.data_rows, 0) as "rows",
               coalesce(s.rows, 0) - coalesce(s.refused, 0) as accepted, coalesce(s.refused, 0) as refused,
               d.accepted as recorded_accepted, d.quarantined as recorded_refused,
               (d.dataset is null or d.dataset not in {known}) as stray
        from (select * from {table(DELIVERY)} where status = 'taken') as d left join ({standing}) as s using (delivery_id)"""
    recorded = "coalesce(recorded_accepted, 0) || ' + ' || coalesce(recorded_refused, 0)"
    checks = (
        Check("delivery_has_contract", "交付所属的数据集有数据契约", "the dataset of the delivery to have a contract", "critical",
              "case when stray then \"rows\" else 0 end", "dataset", fails="stray", found_zh="dataset", found_en="dataset",
              gbt36344="0103"),
        Check("rows_conserved", "回执中的数据行数 = 接受 + 隔离", "data rows of the receipt = rows accepted + rows quarantined",
              "critical", 'case when stray then 0 else abs("rows" - accepted - refused) end', gbt36344="0202",
              found_zh="'回执 ' || \"rows\" || ' ≠ 接受 ' || accepted || ' + 隔离 ' || refused",
              found_en="'receipt ' || \"rows\" || ' ≠ accepted ' || accepted || ' + quarantined ' || refused"),
        Check("counts_recorded", "交付登记的接受、隔离行数与表中一致", "the recorded counts of the delivery to match the table",
              "critical", "case when stray then 0 else abs(coalesce(recorded_accepted, 0) - accepted) + abs(coalesce(recorded_refused, 0) - refused) end",
              gbt36344="0401", found_zh=f"'登记 ' || {recorded} || '，表中 ' || accepted || ' + ' || refused",
              found_en=f"'recorded ' || {recorded} || ', in the table ' || accepted || ' + ' || refused"),
    )  # fmt: skip
    return Suite("staging.delivery", "交付登记", profile, checks, (DELIVERY,))


# ---- one dataset ----------------------------------------------------------------------------------------------------


def dataset_suite(contract: DatasetContract, ground: Ground) -> Suite:
    """What the contract promises of each delivery of one dataset that is looked at."""
    checked = checked_table(contract)
    checks = [*_row_counts(contract), *_quarantined(), *_key(contract), *_fit(contract)]
    for column in contract.columns:
        checks += _required(column) + _codes(column, contract)
    return Suite(
        f"staging.{contract.id}",
        contract.title,
        _profile(contract, ground),
        tuple(checks),
        (DELIVERY, checked),
        (contract.id,),
        prepare=(content_statement(contract, ground), issue_statement(contract, ground)),
        rows_from=checked,
    )


def _row_counts(contract: DatasetContract) -> list[Check]:
    delivery = contract.custom.delivery
    found = {"found_zh": "data_rows || ' 行'", "found_en": "data_rows || ' rows'", "gbt36344": "0202"}
    checks = []
    if delivery.minimum_rows is not None:
        n = delivery.minimum_rows
        checks.append(
            Check("minimum_rows", f"每次交付不少于 {n} 行", f"at least {n:,} rows in a delivery", "critical",
                  f"greatest({n} - data_rows, 0)", checked="data_rows", **found)
        )  # fmt: skip
    if delivery.maximum_rows is not None:
        n = delivery.maximum_rows
        checks.append(
            Check("maximum_rows", f"每次交付不多于 {n} 行", f"at most {n:,} rows in a delivery", "warning",
                  f"greatest(data_rows - {n}, 0)", checked="data_rows", **found)
        )  # fmt: skip
    return checks


def _quarantined() -> list[Check]:
    zh, en = "被隔离的行不超过 %s", "at most %s of the rows quarantined"
    return by_share("quarantined", None, "refused", '"rows"', zh=zh, en=en, stops=True, gbt36344="0602",
                    rows_where="is_refused")  # fmt: skip


def _key(contract: DatasetContract) -> list[Check]:
    if not contract.key:
        return []
    headers = {c.name: c.business_name for c in contract.columns}
    name = "+".join(headers[k] for k in contract.key)
    return [
        Check("key_unique", f"一次交付中“{name}”不重复", f"no key ({', '.join(contract.key)}) twice in a delivery", "warning",
              "key_repeats", "+".join(contract.key), checked="keyed", gbt36344="0304")
    ]  # fmt: skip


def _fit(contract: DatasetContract) -> list[Check]:
    """Values in the wrong columns: two or more columns, and two in five of those that can tell, hold what does not fit."""
    typed = [c for c in contract.columns if is_typed(c)]
    if len(typed) < 2:
        return []
    given = [f"(({_given(c)}) >= 1)::int" for c in typed]
    unfit = [f"coalesce({quote(c.name + '.unusable')} > 0.5 * ({_given(c)}), false)::int" for c in typed]
    wrong, of = " + ".join(unfit), " + ".join(given)
    fails = f"kept >= {_FIT_ROWS} and ({wrong}) >= 2 and ({wrong}) >= 0.4 * ({of})"
    found = f"({wrong}) || ' / ' || ({of})"
    return [
        Check("columns_fit", "各列的内容与列名相符", "the columns to hold what their headers say", "critical",
              f"case when {fails} then kept else 0 end", checked="kept", fails=fails, gbt36344="0102",
              found_zh=f"{found} || ' 列的内容多数不合格式，可能整体错列'",
              found_en=f"{found} || ' columns hold mostly what does not fit: shifted perhaps'")
    ]  # fmt: skip


_FIT_ROWS = 8


def _given(column: Column) -> str:
    return f"{quote(column.name + '.given')} + {quote(column.name + '.unusable')}"


def _required(column: Column) -> list[Check]:
    if not column.required:
        return []
    return by_share(
        "required_missing", column.name, quote(f"{column.name}.missing"), "kept",
        zh=f"必填项“{column.business_name}”缺失的行不超过 %s",
        en=f"at most %s of the rows without the required {column.name}", stops=True, gbt36344="0201",
        rows_where=f"{quote(column.name)} is null and not is_refused",
    )  # fmt: skip


def _codes(column: Column, contract: DatasetContract) -> list[Check]:
    """Values are codes of the list, and few cells held something else; other kinds: few cells could not be used."""
    unusable = quote(f"{column.name}.unusable")
    coded = is_coded(column)
    checks = by_share(
        "code_unknown" if coded else "value_unusable", column.name, unusable, f"({_given(column)})",
        zh=f"“{column.business_name}”中" + ("不在代码表里" if coded else "无法使用") + "的值不超过 %s",
        en=f"at most %s of the values of {column.name} " + ("outside its code list" if coded else "unusable"),
        stops=coded or column.name in contract.key, gbt36344="0105" if coded else "0302",
    )  # fmt: skip
    if codes := allowed_codes(column):
        checks.insert(
            0, Check("code_in_set", f"“{column.business_name}”的标准值都在代码表里", f"every {column.name} to be a code of its list",
                     "critical", quote(f"{column.name}.foreign"), column.name, checked=quote(f"{column.name}.given"),
                     gbt36344="0105", rows_where=f"{quote(column.name)} not in {one_of(codes)} and not is_refused")
        )  # fmt: skip
    return checks


def is_coded(column: Column) -> bool:
    """Whether the contract closes the list of values of a column."""
    standard = column.custom.standard
    return standard.kind in ("code", "sex", "ethnic") and not standard.options.get("open")


def is_typed(column: Column) -> bool:
    """Whether a value that does not belong in the column can be told by its form."""
    standard = column.custom.standard
    if standard.kind == "code":
        return is_coded(column) and bool(standard.options.get("codes") or standard.options.get("pattern"))
    return standard.kind not in FREE_KINDS


def allowed_codes(column: Column) -> tuple[str, ...]:
    """The standard codes a column may hold; empty where the contract does not close the list."""
    standard = column.custom.standard
    codes = [str(v) for v in (standard.options.get("codes") or {}).values()]
    if standard.kind == "code" and not standard.options.get("open"):
        return tuple(codes)
    if standard.kind == "sex":
        return ("0", "1", "2", "9") if standard.options.get("keep_unknown") else ("1", "2")
    return ()


# ---- the passes over the rows ---------------------------------------------------------------------------------------


def measured(contract: DatasetContract, ground: Ground) -> set[str]:
    """Deliveries whose rows are passed over: those looked at, and those they are compared with if no profile was kept."""
    return set(ground.looked_at(contract.id)) | (ground.references(contract.id) - ground.profiled)


def _measured(contract: DatasetContract, ground: Ground) -> str:
    return one_of(measured(contract, ground))


def content_statement(contract: DatasetContract, ground: Ground) -> str:
    """Scratch table `content_<model>`: one pass a delivery, without grouping, which costs half of what a grouped one does.

    Repeated keys are counted by a 64-bit hash, which takes less memory; a false repeat among 10⁷ keys has odds of 3 in 10⁶.
    """
    checked = table(checked_table(contract))
    content = ["count(*) as kept"]
    if contract.key:
        content += [
            "count(row_key) as keyed",
            "count(row_key) - count(distinct hash(row_key)) filter (where row_key is not null) as key_repeats",
        ]
    for column in contract.columns:
        name = quote(column.name)
        content.append(f"count({name}) as {quote(column.name + '.given')}")
        if codes := allowed_codes(column):
            content.append(
                f"count(*) filter (where {name} not in {one_of(codes)}) as {quote(column.name + '.foreign')}"
            )
        if may_be_category(column):
            content.append(f"approx_count_distinct({name}) as {quote(column.name + '.distinct')}")
    passes = " union all by name ".join(
        f"select {literal(d)} as delivery_id, {', '.join(content)} from {checked} where delivery_id = {literal(d)} and not is_refused"
        for d in sorted(measured(contract, ground))
    )
    return f"""
        create or replace temp table content_{contract.model_name} as
        with standing as (
            select delivery_id, count(*) as "rows", count(*) filter (where is_refused) as refused
            from {checked} where delivery_id in {_measured(contract, ground)} group by delivery_id),
        kept as ({passes})
        select kept.*, coalesce(standing."rows", 0) as "rows", coalesce(standing.refused, 0) as refused
        from kept left join standing using (delivery_id)"""


def may_be_category(column: Column) -> bool:
    """Free text without personal data may turn out to be a list of categories (`drift`)."""
    standard = column.custom.standard
    is_open = standard.kind == "text" or (standard.kind == "code" and bool(standard.options.get("open")))
    return is_open and column.custom.personal_data == "none"


def issue_statement(contract: DatasetContract, ground: Ground) -> str:
    """Scratch table `issue_<model>`."""
    return f"""
        create or replace temp table issue_{contract.model_name} as
        select delivery_id, said."rule" as "rule", said."column" as "column", said.severity as severity,
               said.gbt36344 as gbt36344, said.outcome as outcome, is_refused, count(*) as found,
               min(struct_pack(row_number := row_number, sheet := sheet), {SAMPLES}) as samples
        from (select delivery_id, row_number, sheet, is_refused, unnest(issues) as said
              from {table(checked_table(contract))} where len(issues) > 0 and delivery_id in {_measured(contract, ground)})
        group by all"""


def _profile(contract: DatasetContract, ground: Ground) -> str:
    """One row per delivery that is looked at."""
    unusable = [
        f'coalesce(sum(found) filter (where "column" = {literal(c.name)}), 0) as {quote(c.name + ".unusable")}'
        for c in contract.columns
    ]
    missing = [
        f"kept - {quote(c.name + '.given')} as {quote(c.name + '.missing')}" for c in contract.columns if c.required
    ]
    return f"""
        with delivery as (
            select delivery_id, dataset, file, delivered_on, coalesce(data_rows, 0) as data_rows
            from {table(DELIVERY)} where delivery_id in {one_of(ground.looked_at(contract.id))}),
        unusable as (
            select delivery_id, {", ".join(unusable)}
            from delivery left join (
                select * from issue_{contract.model_name}
                where outcome = 'nulled' and "rule" not in {one_of(NO_VALUE_GIVEN)} and not is_refused) using (delivery_id)
            group by delivery_id)
        select delivery.*, content.* exclude (delivery_id), {", ".join([*missing, "unusable.* exclude (delivery_id)"])}
        from delivery left join content_{contract.model_name} as content using (delivery_id) join unusable using (delivery_id)"""
