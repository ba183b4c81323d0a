"""What the sources say of a unit, attribute by attribute in Chinese: for the review list and the why card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    from ingestion.contracts import DatasetContract

_NUMBER_KEPT = (6, 4)
LONGEST_VALUE, MOST_VALUES = 300, 5

_BORN = "coalesce(birth_date, case when id_type = '111' then try_strptime(substr(id_number, 7, 8), '%Y%m%d')::date end)"
_ADDRESS = "coalesce(address, standard_address)"
SAID: dict[str, tuple[tuple[str, str, str], ...]] = {
    "person": (
        ("name", "姓名", "name"),
        ("number", "证件号码", "coalesce(id_number, number_said)"),
        ("birth_date", "出生日期", _BORN),
        ("sex", "性别", "case sex_code when '1' then '男' when '2' then '女' else sex_code end"),
        ("ethnic", "民族", "coalesce(ethnic_group, ethnic_code)"),
        ("phone", "电话", "phone"),
        ("address", "住址", _ADDRESS),
        ("household", "户号", "household_number"),
    ),
    "organisation": (
        ("name", "名称", "name"),
        ("number", "统一社会信用代码", "uscc"),
        ("registration_number", "注册号", "registration_number"),
        ("phone", "电话", "phone"),
        ("address", "地址", _ADDRESS),
        ("status", "状态", "status"),
    ),
    "event": (
        ("number", "编号", "event_number"),
        ("occurred_at", "时间", "strftime(occurred_at, '%Y-%m-%d %H:%M')"),
        ("kind", "类别", "kind"),
        ("description", "内容", "description"),
        ("address", "地点", _ADDRESS),
        ("department", "承办部门", "department"),
        ("status", "状态", "status"),
    ),
    "facility": (
        ("name", "名称", "name"),
        ("number", "编号", "facility_number"),
        ("kind", "类别", "kind"),
        ("address", "地址", _ADDRESS),
        ("status", "状态", "status"),
    ),
}
"""entity → (attribute, what the clerk calls it, SQL over a content and its place)."""
ROLES = {
    "subject": "本人", "guardian": "监护人", "kin": "亲属", "reporter": "反映人", "legal_representative": "法定代表人",
    "manager": "管理人", "owner": "所有人", "party_b": "当事人乙", "school": "学校", "employer": "用人单位",
}  # fmt: skip


def titles(entity: str) -> dict[str, str]:
    """attribute → what the clerk calls it."""
    return {name: title for name, title, _ in SAID[entity]}


def source(contracts: Mapping[str, DatasetContract], dataset: str, role: str, entity: str) -> str:
    """`民政局 低保对象`, with the role where it is not the row's subject."""
    title = contracts[dataset].title if dataset in contracts else dataset
    return title if role == "subject" else f"{title}（{ROLES.get(role, role)}）"


def said(
    con: duckdb.DuckDBPyConnection, contracts: Mapping[str, DatasetContract], entity: str, units: Sequence[str]
) -> dict[str, dict[str, list[str]]]:
    """unit → attribute → its distinct values, those said last first; `sources` names dataset, role and last delivery day."""
    con.execute(
        f"""create or replace temp table asked_content as
            select unit_key, content_id from lake.registry.{entity}_link where list_contains(?::varchar[], unit_key)""",
        [list(units)],
    )
    con.execute(
        f"""create or replace temp table said_last as
            select content_id, max(delivered_on) as last_on
            from lake.intermediate.int_{entity}__mention where content_id in (select content_id from asked_content) group by 1"""
    )
    columns = ", ".join(f"({sql})::varchar as {name}" for name, _, sql in SAID[entity])
    ethnic = "left join (select ethnic_code, name as ethnic_group from lake.staging.ethnic_group) using (ethnic_code)"
    con.execute(
        f"""create or replace temp table told as
            select unit_key, content_id, dataset as in_dataset, role as in_role, last_on, {columns}
            from asked_content
            join lake.intermediate.int_{entity}__content as content using (content_id)
            left join said_last using (content_id)
            left join (select content_id as place_content_id, address from lake.intermediate.int_place__content) using (place_content_id)
            left join (select content_id as place_content_id, place_id from lake.registry.place_link) using (place_content_id)
            left join (select place_id, standard_address from lake.foundation.place) using (place_id)
            {ethnic if entity == "person" else ""}"""
    )
    out: dict[str, dict[str, list[str]]] = {unit: {} for unit in units}
    for name in titles(entity):
        rows = con.execute(
            f"""select unit_key, list({name} order by last_on desc, {name})
                from (select unit_key, {name}, max(last_on) as last_on from told where {name} is not null group by all) group by 1"""
        ).fetchall()
        for unit, values in rows:
            out[unit][name] = values
    rows = con.execute(
        "select unit_key, in_dataset, in_role, max(last_on) as day from told group by all order by day desc, in_dataset, in_role"
    ).fetchall()
    for unit, dataset, role, day in rows:
        told = f"{source(contracts, dataset, role, entity)}，{day}" if day else source(contracts, dataset, role, entity)
        out[unit].setdefault("sources", []).append(told)
    return out


def masked(entity: str, side: Mapping[str, list[str]], other: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """A person's side with numbers masked in the middle, where that hides nothing in which the two sides differ."""
    if entity != "person":
        return dict(side)
    return {
        name: [mask(v, other.get(name, ())) if name == "number" else v for v in values] for name, values in side.items()
    }


def mask(number: str, others: Sequence[str]) -> str:
    """`370602********1827`; the whole number where another one differs from it only in what would be hidden."""
    first, last = _NUMBER_KEPT
    hidden = number[first:-last]
    if len(number) <= first + last + 2 or any(
        other != number and (other[:first], other[-last:]) == (number[:first], number[-last:]) for other in others
    ):
        return number
    return number[:first] + "*" * len(hidden) + number[-last:]


def in_one_cell(values: Sequence[str]) -> str:
    """Several values as lines; more than a handful, or very long ones, are cut."""
    shown = [v if len(v) <= LONGEST_VALUE else v[:LONGEST_VALUE] + "……" for v in values[:MOST_VALUES]]
    if len(values) > MOST_VALUES:
        shown.append(f"……另有 {len(values) - MOST_VALUES} 个")
    return "\n".join(shown)


def evidence(
    labels: Any, levels: Mapping[str, str | None], bits: Mapping[str, Mapping[str, float]]
) -> list[tuple[str, str, float]]:
    """(comparison, level, weight in bits) in Chinese, of comparisons that say something; `labels` are the spec's comparisons."""
    out = []
    for name, comparison in labels.items():
        level = levels.get(name)
        if level is None or level not in bits[name]:
            continue
        said_as = next(one.label for one in comparison.levels if one.level == level)
        out.append((comparison.label, said_as, bits[name][level]))
    return out
