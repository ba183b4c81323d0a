"""What deliveries hold beyond what their contract declares, and what marts expose beyond what they may.

Behind staging the detectors of `warehouse.classification.detectors` pass over every column whose declaration does not allow
what they look for: over each delivery that is looked at, all rows up to 10,000, a sample of about as many above. Columns
that no contract knows (`_extra`) and file names are looked at too. Nothing that is found is ever written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingestion.contracts import Column, DatasetContract
from quality.checks import Check, Suite, one_of, table
from quality.grades import declared, exposed
from quality.ground import Delivered, Ground
from quality.suites.staging import DELIVERY, checked_table
from warehouse.classification.detectors import DETECTORS, Detector, holds, is_bare, macros
from warehouse.classification.sensitivity import GRADES, PERSONAL, Graded
from warehouse.lake import literal

ROWS = 10_000
"""Rows of a delivery that are looked at; of larger ones a sample of about so many."""
_STOPS_ROWS, _STOPS_SHARE = 3, 0.01
"""Identity and account numbers in a column without personal data stop a build from so many rows and this share on: fewer
are cells that a clerk put into the wrong column."""
_WORDS = ("address", "person_name")
"""Detectors that go by words: in a column that is not about people a few of their finds are chance."""
_WORDS_SHARE = 0.01
FILE_NAME = "文件名"
EXTRA = "_extra"

_BY_KIND: dict[str, tuple[str, ...]] = {
    "text": tuple(d.name for d in DETECTORS),
    "address": ("id_number", "bank_card", "phone", "plate", "person_name"),
    "org_name": ("id_number", "bank_card", "phone", "plate"),
    "person_name": ("id_number", "bank_card", "phone", "plate"),
    "code": ("id_number", "bank_card", "phone"),
}
"""What each kind of column could hold besides itself; the other kinds hold only what fits them."""


def asked(column: Column, contract: DatasetContract) -> list[Detector]:
    """Detectors that look at a column: those whose find would be more than it declares."""
    kind = column.custom.standard.kind
    says = declared(column, contract)
    return [d for d in DETECTORS if d.name in _BY_KIND.get(kind, ()) and _is_more(d, says)]


def _is_more(detector: Detector, says: Graded) -> bool:
    return GRADES.index(detector.grade) > GRADES.index(says.level) or PERSONAL.index(
        detector.personal_data
    ) > PERSONAL.index(says.personal_data)


def sensitivity_suite(contracts: Sequence[DatasetContract], ground: Ground) -> Suite:
    """One suite over all datasets of which something is looked at: a row of its profile per delivery, column and find."""
    known = [c for c in contracts if checked_table(c) in ground.relations]
    prepare = [
        *macros(),
        'create or replace temp table asked_cell (delivery_id varchar, dataset varchar, "column" varchar, cell varchar, n bigint)',
        f'create or replace temp table asked_column as select * from ({_asked(known)}) as a(dataset, "column", is_innocent, asked)',
        *(_cells(c, ground) for c in known if ground.looked_at(c.id)),
        f"create or replace temp table held_more as {_finds()}",
        _file_names(ground),
    ]
    profile = f"""
        select d.delivery_id, d.dataset, d.file, d.delivered_on, h.* exclude (delivery_id), h."column" || ' ' || h.detector as aspect
        from held_more as h join {table(DELIVERY)} as d using (delivery_id)"""
    return Suite("staging.sensitivity", "内容与分级声明", profile, _CHECKS, (DELIVERY,), prepare=tuple(prepare))


_STOPS = f"(stops and found >= {_STOPS_ROWS} and found >= {_STOPS_SHARE} * looked)"
_CHANCE = f"(words and found < {_WORDS_SHARE} * looked)"
_FOUND_ZH = "\"column\" || ' 中有 ' || found || ' 处疑似' || title || '，查看 ' || looked || ' 处'"
_FOUND_EN = "found || ' of ' || looked || ' in ' || \"column\" || ' look like ' || detector"
_CHECKS = (
    Check("identifiers_declared", "声明为非个人信息的列中没有身份证号码、银行卡号", "no identity or account numbers in a column without personal data",
          "critical", f"case when {_STOPS} then found else 0 end", fails=_STOPS, checked="looked", found_zh=_FOUND_ZH, found_en=_FOUND_EN),
    Check("holds_no_more", "列的内容不超过声明的分级", "no column to hold more than it declares", "warning",
          f"case when {_CHANCE} then 0 else found end", fails=f"found > 0 and not {_CHANCE}", checked="looked", said=_STOPS,
          found_zh=_FOUND_ZH, found_en=_FOUND_EN),
    Check("holds_hardly_more", "列中没有零星的个人信息", "not even single finds of personal data", "info",
          f"case when {_CHANCE} then found else 0 end", fails=f"found > 0 and {_CHANCE}", checked="looked",
          found_zh=_FOUND_ZH, found_en=_FOUND_EN),
)  # fmt: skip


def _wanted(contract: DatasetContract) -> dict[str, list[Detector]]:
    """Column → detectors that pass over it. What stood under a header no contract knows may be anything."""
    return {c.name: ds for c in contract.columns if (ds := asked(c, contract))} | {EXTRA: list(DETECTORS)}


def _asked(contracts: Sequence[DatasetContract]) -> str:
    rows = ", ".join(
        f"({literal(contract.id)}, {literal(name)}, {name in innocent}, {[d.name for d in detectors]!r})"
        for contract in contracts
        for innocent in [{c.name for c in contract.columns if c.custom.personal_data == "none"}]
        for name, detectors in _wanted(contract).items()
    )
    return f"values {rows}" if rows else "select null::varchar, null::varchar, false, []::varchar[] where false"


def _cells(contract: DatasetContract, ground: Ground) -> str:
    """Adds the distinct cells of the deliveries of one dataset that are looked at."""
    names = ", ".join(literal(n) for n in ("delivery_id", *_wanted(contract)))
    some = " or ".join(_sample(d) for d in ground.deliveries if d.is_looked_at and d.dataset == contract.id)
    return f"""
        insert into asked_cell by name
        with taken as (
            select columns(lambda c: c in ({names}))::varchar, '' as _nothing
            from {table(checked_table(contract))} where not is_refused and ({some}))
        select delivery_id, {literal(contract.id)} as dataset, "column", cell, count(*) as n
        from (unpivot taken on columns(* exclude (delivery_id)) into name "column" value cell)
        where cell <> '' group by all"""


def _finds() -> str:
    """What the detectors find in the cells, each in one pass, by delivery and column.

    A cell that is nothing but a number, or nothing but two to four signs, counts where half of such cells of the column do.
    """
    measures = []
    for d in DETECTORS:
        measures.append(
            f"sum(n) filter (case when list_contains(asked, '{d.name}') then {holds(d.name, 'cell')} end) as {d.name}"
        )
        if d.bare:
            measures.append(
                f"sum(n) filter (case when list_contains(asked, '{d.name}') then {is_bare(d.name, 'cell')} end) as {d.name}_bare"
            )
    finds = []
    for d in DETECTORS:
        alike = "short_texts" if d.name == "person_name" else "numbers"
        bare = f" + case when {d.name}_bare >= 0.5 * {alike} then {d.name}_bare else 0 end" if d.bare else ""
        finds.append(
            f"select delivery_id, \"column\", '{d.name}' as detector, '{d.zh}' as title, {d.stops} and is_innocent as stops, "
            f"{d.name in _WORDS} as words, (coalesce({d.name}, 0){bare})::bigint as found, "
            "looked::bigint as looked from measured"
        )
    return f"""
        with measured as (
            select delivery_id, "column", is_innocent, sum(n) as looked, {", ".join(measures)},
                   sum(n) filter (regexp_full_match(cell, '[0-9 ]{{7,}}')) as numbers,
                   sum(n) filter (regexp_full_match(cell, '[一-龥]{{2,4}}')) as short_texts
            from asked_cell join asked_column using (dataset, "column") group by all)
        select * from ({" union all ".join(finds)}) where found > 0"""


def _sample(delivery: Delivered) -> str:
    one_in = -(-delivery.rows // ROWS)
    some = f" and hash(row_number) % {one_in} = 0" if one_in > 1 else ""
    return f"(delivery_id = {literal(delivery.delivery_id)}{some})"


def _file_names(ground: Ground) -> str:
    """What the names of files say: the last part of the path, without its ending."""
    name = "regexp_replace(parse_filename(file), '[.][A-Za-z0-9]{1,5}$', '')"
    finds = " union all ".join(
        f"""select delivery_id, '{FILE_NAME}', '{d.name}', '{d.zh}', false, false, 1, 1
            from (select delivery_id, {name} as cell from {table(DELIVERY)} where delivery_id in {one_of(ground.looked_at())})
            where {holds(d.name, "cell")}{f" or {is_bare(d.name, 'cell')}" if d.bare and d.name != "person_name" else ""}"""
        for d in DETECTORS
        if d.name != "address"
    )
    return f"insert into held_more {finds}"


# ---- marts ----------------------------------------------------------------------------------------------------------


def exposure_suite(marts: Mapping[str, Graded] | None = None) -> Suite:
    """No column of a mart above what the mart may expose; a mart that declares nothing may expose general 1."""
    said = exposed() if marts is None else marts
    rows = ", ".join(f"({literal(n)}, {literal(g.level)}, {literal(g.personal_data)})" for n, g in said.items())
    values = f"values {rows}" if rows else "select null::varchar, null::varchar, null::varchar where false"
    ranks = f"list_position({list(GRADES)!r}, %s) > list_position({list(GRADES)!r}, %s)"
    kinds = f"list_position({list(PERSONAL)!r}, %s) > list_position({list(PERSONAL)!r}, %s)"
    # a column that nobody graded is held to be the highest
    profile = f"""
        select standing.table_name || '.' || standing.column_name as "column", 1 as "rows",
               coalesce(graded.level, 'general_4') as level, coalesce(graded.personal_data, 'sensitive') as personal_data,
               coalesce(may.level, 'general_1') as may_level, coalesce(may.personal_data, 'none') as may_personal_data,
               coalesce(array_to_string(graded.inputs, '、'), '') as inputs
        from (select table_name, column_name from duckdb_columns() where database_name = 'lake' and schema_name = 'marts') as standing
        left join (select * from {table("quality.column_grade")} where schema_name = 'marts') as graded using (table_name, column_name)
        left join ({values}) as may(table_name, level, personal_data) on may.table_name = standing.table_name"""
    above = f"({ranks % ('level', 'may_level')} or {kinds % ('personal_data', 'may_personal_data')})"
    check = Check(
        "no_more_than_declared", "应用层的每一列不超过其声明的分级", "no column of a mart above the grade the mart declares", "critical",
        f"case when {above} then 1 else 0 end", fails=above,
        found_zh="\"column\" || ' 为 ' || level || '（' || personal_data || '），声明 ' || may_level || '（' || may_personal_data || '），来自 ' || inputs",
        found_en="\"column\" || ' is ' || level || ' (' || personal_data || '), declared ' || may_level || ' (' || may_personal_data || '), from ' || inputs",
    )  # fmt: skip
    return Suite("marts.grade", "应用层分级", profile, (check,), ("quality.column_grade",))
