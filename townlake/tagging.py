"""The models of facts and tags dbt runs: rules and facts of `warehouse/classification`, with what the contracts say of the datasets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ingestion.contracts import Contracts
from warehouse.classification.facts import FactBook, load_facts
from warehouse.classification.tag_sql import entity_tag_sql, fact_columns, fact_model, fact_sql, made, tag_sql
from warehouse.classification.tags import Tag, load_tags, rules_version

if TYPE_CHECKING:
    import duckdb

_CONFIG = "{{{{ config(schema='{0}', materialized='{1}', tags=['foundation']) }}}}\n"
_ENTITY_ZH = {"person": "自然人", "household": "户", "organisation": "组织", "place": "地点"}

COLUMNS = {
    "entity_tag": {
        "entity": "person、household、organisation、place",
        "entity_id": "该对象的编号",
        "tag": "标签代号（foundation.tag）",
        "outcome": "yes 符合，cannot_tell 缺输入而无法判断；没有行即不符合",
        "since": "自何时起符合（规则说得出时）",
        "until": "至何时为止自动不再符合（规则说得出时）",
        "evidence": "JSON：inputs 各事实取值，sources 所用数据集及其数据日期，missing 缺少的事实",
    },
    "tag": {
        "tag": "标签代号",
        "entity": "所属对象",
        "name": "中文名称",
        "group_code": "分组",
        "group_name": "分组名称",
        "definition": "定义",
        "source": "法律、标准或政策依据",
        "owner": "负责部门",
        "condition": "规则（SQL）",
        "valid_from": "规则生效日",
        "valid_to": "规则失效日",
        "inputs": "所用事实",
        "waits_for": "从未交付而规则需要的数据集",
        "rules_version": "全部规则的版本",
        "is_applied": "本湖是否能应用这条规则",
    },
}
_TITLES = {"entity_tag": "标签：每个对象符合或无法判断的标签及其依据", "tag": "标签目录：每条规则及其是否可用"}


def models(contracts: Contracts) -> dict[str, str]:
    """Text of the rendered models by file name."""
    tags, books = load_tags(), load_facts()
    datasets = set(contracts)
    facts = {
        f"{fact_model(entity)}.sql": _CONFIG.format("intermediate", "table") + fact_sql(entity, tags, books, datasets)
        for entity in made(tags, books)
    }
    return facts | {
        "entity_tag.sql": _CONFIG.format("foundation", "table") + entity_tag_sql(tags, books, datasets),
        "tag.sql": _CONFIG.format("foundation", "view") + tag_sql(tags, books, datasets),
        "tag.yml": _described(tags, books),
    }


def _described(tags: tuple[Tag, ...], books: dict[str, FactBook]) -> str:
    titles, described = dict(_TITLES), dict(COLUMNS)
    for entity in made(tags, books):
        book, model = books[entity], fact_model(entity)
        titles[model] = f"{_ENTITY_ZH[entity]}的事实：标签规则所问的，每个对象一行"
        said = {book.key: "该对象的编号"} | {name: fact.zh for name, fact in book.all().items()}
        described[model] = {name: said[name] for name in fact_columns(entity, tags, books)}
    lines = ["version: 2", "models:"]
    for model, columns in described.items():
        lines += [
            f"  - name: {model}",
            f"    description: {json.dumps(titles[model], ensure_ascii=False)}",
            "    columns:",
        ]
        for column, text in columns.items():
            lines += [f"      - name: {column}", f"        description: {json.dumps(text, ensure_ascii=False)}"]
    return "\n".join(lines) + "\n"


def rules_changed(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether a published lake's tags were made by other rules than today's."""
    from warehouse import builds
    from warehouse.lake import table_exists

    if builds.last_published(con) is None:
        return False
    if not table_exists(con, "foundation", "tag"):
        return True
    row = con.execute("select min(rules_version) from lake.foundation.tag").fetchone()
    return row is None or row[0] != rules_today()


def rules_today() -> str:
    """The version of the rules as the files stand."""
    return rules_version(load_tags(), load_facts())
