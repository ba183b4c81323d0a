"""The why card as one page that opens without internet, for people: what is known, from whom, and why it is one record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.files import BEIJING, write_atomic
from townlake.review import sides
from townlake.why import BY_EVIDENCE
from warehouse.errors import EnvironmentFault, explain

if TYPE_CHECKING:
    import jinja2

    from ingestion.contracts import DatasetContract

TEMPLATES = Path(__file__).resolve().parent / "templates"
TITLES = {"person": "人", "organisation": "单位", "place": "地点", "event": "事件", "facility": "设施"}
ATTRIBUTES = {
    "name": "名称", "former_name": "曾用名", "id_type": "证件类型", "id_number": "证件号码", "sex_code": "性别",
    "birth_date": "出生日期", "death_date": "死亡日期", "is_deceased": "是否死亡", "is_alive": "是否在世", "ethnic_code": "民族",
    "phone": "电话", "household_number": "户号", "household_id": "户", "relation_code": "与户主关系", "area_code": "所属社区",
    "grid_code": "所属网格", "residence_place_id": "现住址", "registered_place_id": "户籍地址", "incident_place_id": "事发地点",
    "place_id": "地址", "confidence": "可信度", "uscc": "统一社会信用代码", "registration_number": "注册号", "kind": "类别",
    "kind_code": "类别", "status": "状态", "industry_code": "行业", "industry_name": "行业名称", "business_scope": "经营范围", "registered_on": "成立日期", "closed_on": "注销日期",
    "capital_cny": "注册资本（元）", "legal_person_id": "法定代表人", "event_number": "编号", "number_space": "编号来源",
    "occurred_at": "发生时间", "description": "内容", "department": "承办部门", "reports": "合并的上报数",
    "facility_number": "编号", "capacity": "容量", "address": "地址", "community_code": "所属社区",
    "standard_address": "标准地址", "parent_place_id": "上级地点", "level": "层级", "county_code": "区县", "town_code": "镇街",
    "road": "道路", "number": "门牌号", "estate": "小区", "building": "楼栋", "unit": "单元", "room": "户室",
    "house_code": "房屋编码", "longitude": "经度", "latitude": "纬度",
}  # fmt: skip
CODES = {
    "sex_code": {"1": "男", "2": "女"}, "is_alive": {"True": "是", "False": "否"},
    "is_deceased": {"true": "是", "false": "否", "True": "是", "False": "否"},
    "id_type": {"111": "居民身份证"},
}  # fmt: skip
CHOSEN_BY = {
    "only_value": "唯一的值", "agreed": "各来源一致", "derived_from_id_number": "由证件号码推出",
    "identifies": "归并所依据的号码", "whole": "姓名用字完整", "uncontradicted": "与本行证件号码不矛盾", "current": "仍在报送",
    "trust": "来源最可信", "agreement": "更多数据集如此说", "recent": "最新", "tie": "并列，固定取其一",
    "longest_spelling": "写得最全", "given_by_source": "来源给出",
}  # fmt: skip
LINKED_BY = {
    "verified_identifier": "有效的号码相同", "own_record": "同一条登记记录", "probabilistic": "按证据归并",
    "decided": "经人核对", "not_linked": "未归并", "house_code": "房屋编码相同", "text": "地址文字相同",
    "library_room": "在标准地址库中找到户室", "library_unit": "在标准地址库中找到单元",
    "library_building": "在标准地址库中找到楼栋", "library_estate": "在标准地址库中找到小区",
    "library_by_village_number": "按村和门牌在标准地址库中找到", "area_of_vague_text": "只能定到区域",
    "house_code_not_in_library": "房屋编码，标准地址库中没有", "text_not_in_library": "按文字，标准地址库中没有",
}  # fmt: skip
CHANGED = {"merged": "合并", "split": "拆分"}
VERDICTS = {"same": "是同一个", "other": "不是同一个", "unsure": "无法判断"}
PAIRS_SHOWN = 12
"""Pairs drawn; further ones are counted (`--json` has them all)."""


def write(path: Path, answer: Mapping[str, Any], contracts: Mapping[str, DatasetContract]) -> None:
    """Writes the page. A disk that cannot take it is named in one sentence."""
    try:
        write_atomic(path, render(answer, contracts).encode())
    except OSError as error:
        raise explain(error) or EnvironmentFault(f"{path} cannot be written: {error.strerror}") from error


def render(answer: Mapping[str, Any], contracts: Mapping[str, DatasetContract]) -> str:
    """The page of an explained entity."""
    return _template().render(v=_view(answer, contracts))


@cache
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    return environment.get_template("why.html.j2")


def _view(answer: Mapping[str, Any], contracts: Mapping[str, DatasetContract]) -> dict[str, Any]:
    entity, record, mentions = answer["entity"], answer["record"], answer["mentions"]
    label = {**ATTRIBUTES, **({"name": "姓名"} if entity == "person" else {})}
    order = {name: at for at, name in enumerate(ATTRIBUTES)}
    mentions = sorted(mentions, key=lambda m: (not m["is_current"], -m["delivered_on"].toordinal()))
    number = {(m["file"], m["sheet"], m["row_number"], m["role"]): at for at, m in enumerate(mentions, start=1)}

    def shown(attribute: str, value: Any) -> str:
        text = str(value)
        return CODES.get(attribute, {}).get(text) or answer["names"].get(attribute, {}).get(text, "")

    def told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Who says it, in which of the records numbered below; who still says it comes first."""
        by_source: dict[str, dict[str, Any]] = {}
        for row in sorted(rows, key=lambda r: not r["is_current"]):
            source = sides.source(contracts, row["dataset"], row["role"], entity)
            one = by_source.setdefault(source, {"source": source, "is_current": row["is_current"], "numbers": []})
            one["numbers"].append(number[row["file"], row["sheet"], row["row_number"], row["role"]])
        return [{**s, "numbers": sorted(s["numbers"])} for s in by_source.values()]

    attributes = [
        {
            "label": label.get(name, name),
            "values": [
                {
                    "value": v["value"], "meaning": shown(name, v["value"]), "is_chosen": v["is_chosen"],
                    "why": CHOSEN_BY.get(v["survivorship_rule"], v["survivorship_rule"] or ""),
                    "is_current": any(r["is_current"] for r in v["rows"]), "sources": told(v["rows"]),
                }
                for v in values
            ],
        }
        for name, values in sorted(answer["attributes"].items(), key=lambda a: order.get(a[0], len(order)))
    ]  # fmt: skip
    heading = next(
        (str(record[k]) for k in ("name", "standard_address", "event_number") if record.get(k)), answer["id"]
    )
    explained = _pairs(answer["units"], entity)
    return {
        "entity": TITLES[entity], "heading": heading, "id": answer["id"],
        "asked_for": answer["asked_for"] if answer["asked_for"] != answer["id"] else "",
        "record": [
            {"label": label.get(k, k), "value": v, "meaning": shown(k, v)}
            for k, v in sorted(record.items(), key=lambda r: order.get(r[0], len(order))) if v is not None and k != f"{entity}_id"
        ],
        "attributes": attributes,
        "mentions": [
            {
                **_row(m, entity, contracts), "rule": LINKED_BY.get(m["link_rule"], m["link_rule"]),
                "probability": _probability(m), "content": m["content_id"],
            }
            for m in mentions
        ],
        "pairs": explained[:PAIRS_SHOWN], "more_pairs": max(0, len(explained) - PAIRS_SHOWN),
        "decisions": [
            {
                "verdict": VERDICTS.get(d["verdict"], d["verdict"]), "by": d["decided_by"], "on": _day(d["decided_at"]),
                "reason": d["reason"] or "", "contents": (d["left_content"], d["right_content"]),
                "other": d["other_entity"] if d["other_entity"] != answer["id"] else "",
            }
            for d in answer["decisions"]
        ],
        "changes": [
            {"what": CHANGED.get(c["reason"], c["reason"]), "old": c["old_id"], "new": c["new_id"] or "（无）",
             "on": _day(c["published_at"]), "build": c["build_id"] or "—"}
            for c in answer["changes"]
        ],
        "sources": len({m["dataset"] for m in mentions}),
        "current": sum(bool(m["is_current"]) for m in mentions),
        "stamp": datetime.now(UTC).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M"),
    }  # fmt: skip


def _row(row: Mapping[str, Any], entity: str, contracts: Mapping[str, DatasetContract]) -> dict[str, Any]:
    """Where a row stands, for a reader."""
    sheet = f"，{row['sheet']}" if row["sheet"] else ""
    return {
        "source": sides.source(contracts, row["dataset"], row["role"], entity),
        "where": f"{row['file']}{sheet}，第 {row['row_number']} 行",
        "on": row["delivered_on"],
        "is_current": bool(row["is_current"]),
    }


def _probability(mention: Mapping[str, Any]) -> str:
    sure = mention["link_probability"]
    if mention["link_rule"] not in BY_EVIDENCE or sure is None:
        return ""
    return "已确认" if mention["link_rule"] == "decided" else f"{min(sure, 0.9999):.2%}"


def _pairs(units: Sequence[Mapping[str, Any]], entity: str) -> list[dict[str, Any]]:
    """The pairs that decided; units that say the same and were linked by the same evidence stand together."""
    alike: dict[str, list[Mapping[str, Any]]] = {}
    for unit in units:
        if unit["pair"]:
            alike.setdefault(json.dumps({**unit["pair"], "rule": unit["link_rule"]}, sort_keys=True), []).append(unit)
    return [_pair(same[0], sum(u["mentions"] for u in same), entity) for same in alike.values()]


def _pair(unit: Mapping[str, Any], mentions: int, entity: str) -> dict[str, Any]:
    """One pair as bars: widths in per cent of half the scale, which is the largest weight."""
    pair = unit["pair"]
    parts = [{"comparison": "起点", "level": "任取两条，极少是同一个", "bits": pair["start"]}, *pair["evidence"]]
    widest = max(abs(p["bits"]) for p in parts)
    both = (pair["this_says"], pair["other_says"])
    titles = {**sides.titles(entity), "sources": "来源"}
    return {
        "rule": LINKED_BY.get(unit["link_rule"], unit["link_rule"]),
        "mentions": mentions,
        "probability": f"{min(pair['match_probability'], 0.9999):.2%}",
        "weight": f"{pair['match_weight']:+.1f}",
        "parts": [{**p, "width": 50 * abs(p["bits"]) / widest, "is_for": p["bits"] > 0} for p in parts],
        "changed": pair["weights_changed_since"],
        "lines": [
            [title, *(sides.in_one_cell(said.get(name, ())) for said in both)]
            for name, title in titles.items()
            if any(said.get(name) for said in both)
        ],
    }


def _day(instant: datetime | None) -> str:
    return f"{instant.astimezone(BEIJING):%Y-%m-%d %H:%M}" if instant else "—"
