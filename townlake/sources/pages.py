"""`townlake source docs`: one Markdown page per dataset, an index, and a page of the standard data elements.

Everything stands in the contracts and the rule book; a test proves that the committed pages are those of today.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ingestion.contracts import Column, Contracts, DatasetContract
from townlake.sources.wording import DELIVERY_KIND, EVERY, GRADE, PERSONAL_DATA, form, kind_title, rhythm
from warehouse.kinds import KINDS
from warehouse.standard import row_rules, rules

_ENTITY = {"person": "人员", "organisation": "组织机构", "place": "地址", "event": "事件", "facility": "设施"}
_SEVERITY = {"info": "提示", "warning": "警告", "quarantine": "隔离"}
_OUTCOME = {
    "standardised": "同值异写，统一写法",
    "repaired": "按确定规则还原",
    "nulled": "不可用，置空",
    "kept": "保留，存疑",
}


def pages(contracts: Contracts) -> dict[str, str]:
    """Text of every page by file name."""
    out = {"README.md": _index(contracts), "elements.md": _elements(contracts)}
    for dataset, contract in sorted(contracts.items()):
        out[f"{dataset}.md"] = _dataset(contract)
    return out


def write_pages(contracts: Contracts, folder: Path) -> int:
    """Writes the pages and removes those of datasets that are no longer under contract. Returns how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages(contracts)
    for path in folder.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")
    return len(wanted)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    titles = list(head)
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    lines += ["| " + " | ".join(_cell(v) for v in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _index(contracts: Contracts) -> str:
    rows = [
        (f"[{c.id}]({c.id}.md)", c.custom.department, c.name, DELIVERY_KIND[c.custom.delivery.kind],
         EVERY[c.custom.delivery.every], len(c.columns), "、".join(_key_headers(c)) or "无",
         "、".join(dict.fromkeys(_ENTITY[m.entity] for m in c.custom.mentions)))
        for c in contracts.values()
    ]  # fmt: skip
    head = ["数据集", "部门", "名称", "方式", "频率", "列数", "主键", "说到的对象"]
    return (
        f"# 数据集目录\n由数据契约生成（`townlake source docs`），共 {len(contracts)} 个数据集。"
        "各列用到的数据元见 [elements.md](elements.md)。\n\n" + _table(head, sorted(rows))
    )


def _key_headers(contract: DatasetContract) -> list[str]:
    headers = {c.name: c.business_name for c in contract.columns}
    return [headers[k] for k in contract.key]


def _dataset(contract: DatasetContract) -> str:
    parts = [f"# {contract.title}（`{contract.id}`）\n", _about(contract), "\n## 列\n", _columns(contract)]
    if rows := [
        (f"`{r.rule}`", _SEVERITY[r.severity], r.column or "", f"`{_cell(r.must_hold)}`", r.reason)
        for r in contract.custom.rules
    ]:
        parts += ["\n## 行规则\n", _table(["规则", "级别", "列", "必须成立", "不成立时"], rows)]
    if overrides := [
        (c.name, f"`{rule}`", _SEVERITY[severity])
        for c in contract.columns
        for rule, severity in c.custom.severity.items()
    ]:
        parts += ["\n## 与规则库不同的级别\n", _table(["列", "规则", "级别"], overrides)]
    if contract.custom.mentions:
        parts += ["\n## 说到的对象\n", _mentions(contract)]
    return "".join(parts)


def _about(contract: DatasetContract) -> str:
    delivery = contract.custom.delivery
    owner = contract.team[0]
    facts = [
        ("用途", contract.description.purpose),
        ("使用", contract.description.usage),
        ("局限", contract.description.limitations),
        ("交付", rhythm(contract)),
        (
            "截至日期",
            "、".join({"file_name": "文件名", "title": "标题", "sheet": "工作表名"}[a.source] for a in delivery.as_of)
            or "收到之日",
        ),
        ("主键", "、".join(_key_headers(contract)) or "无"),
        ("行数", _row_counts(contract)),
        ("负责", f"{owner.description or owner.username}（`{owner.username}`）"),
        ("放入", f"`landing/{contract.domain}/`"),
        ("标准层", f"`staging.stg_{contract.model_name}`"),
    ]
    return "".join(f"- {name}：{_cell(value)}\n" for name, value in facts if value)


def _row_counts(contract: DatasetContract) -> str:
    delivery = contract.custom.delivery
    said = []
    if delivery.minimum_rows is not None:
        said.append(f"少于 {delivery.minimum_rows} 行时停止构建")
    if delivery.maximum_rows is not None:
        said.append(f"多于 {delivery.maximum_rows} 行时警告")
    return "，".join(said)


def _columns(contract: DatasetContract) -> str:
    head = ["列", "表头", "别名", "含义", "数据元", "填写要求", "必填", "个人信息", "分级"]
    return _table(head, [_column(c) for c in contract.columns])


def _column(column: Column) -> tuple[object, ...]:
    custom = column.custom
    return (
        f"`{column.name}`", column.business_name, "、".join(custom.aliases), column.description, kind_title(column),
        form(column), "主键" if column.primary_key else "是" if column.required else "",
        PERSONAL_DATA[custom.personal_data], GRADE[custom.grade],
    )  # fmt: skip


def _mentions(contract: DatasetContract) -> str:
    rows = [
        (_ENTITY[m.entity], m.role, "，".join(f"{a}←{c}" for a, c in m.attributes.items()),
         "，".join(f"{a}←`{_cell(sql)}`" for a, sql in m.derived.items()), m.trust)
        for m in contract.custom.mentions
    ]  # fmt: skip
    return _table(["对象", "角色", "取自列", "推出", "可信度"], rows)


def _elements(contracts: Contracts) -> str:
    used: dict[str, int] = {}
    for contract in contracts.values():
        for column in contract.columns:
            kind = column.custom.standard.kind
            used[kind] = used.get(kind, 0) + 1
    kinds = [(f"`{name}`", i.title, i.standard, f"`{i.value_type}`", used.get(name, 0)) for name, i in KINDS.items()]
    return (
        "# 标准数据元与规则\n由规则库生成（`townlake source docs`）。\n\n## 数据元\n"
        + _table(["种类", "名称", "依据", "值类型", "用到的列"], kinds)
        + "\n## 规则\n每条规则说明单元格的原文为什么不是约定的写法，以及怎么处理。级别可由契约按列改写。\n\n"
        + _table(["规则", "级别", "处理", "GB/T 36344", "说明", "English"], _rule_rows(rules()))
        + "\n## 整行的规则\n"
        + _table(["规则", "级别", "处理", "GB/T 36344", "说明", "English"], _rule_rows(row_rules()))
    )


def _rule_rows(book: Mapping[str, Mapping[str, Any]]) -> list[tuple[object, ...]]:
    return [
        (f"`{code}`", _SEVERITY.get(fact["severity"], fact["severity"]), _OUTCOME.get(fact["outcome"] or "", ""),
         fact["gbt36344"], fact["zh"], fact["en"])
        for code, fact in sorted(book.items())
    ]  # fmt: skip
