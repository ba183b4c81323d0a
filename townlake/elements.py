"""The catalogue: data themes, and where every data element of every contract stands in it.

An element is a column of a contract. Its theme is what the contract says of the column, else what its kind of data element
says (an address belongs to 地, whoever delivers it), else what the contract says of the dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from ingestion.contracts import Column, DatasetContract
from townlake.sources.wording import GRADE, PERSONAL_DATA
from warehouse.errors import WrongUse
from warehouse.home import DBT_PROJECT

SEED = DBT_PROJECT / "seeds" / "data_theme.csv"


@dataclass(frozen=True)
class Theme:
    """A theme (one letter) or a sub-theme (letter and two digits)."""

    code: str
    name: str
    parent: str
    definition: str
    kinds: tuple[str, ...]
    """Kinds of data elements that belong here unless a contract says otherwise."""


@dataclass(frozen=True)
class Element:
    """A column of a contract in the catalogue; `theme` is empty for one that nothing places."""

    dataset: str
    column: str
    header: str
    theme: str
    placed_by: Literal["column", "kind", "dataset", "nothing"]
    grade: str
    personal_data: str


def themes(path: Path = SEED) -> dict[str, Theme]:
    """Every theme by code. Raises WrongUse for a code that stands twice, or one whose parent is not there."""
    rows = pl.read_csv(path, infer_schema=False).fill_null("").to_dicts()
    out: dict[str, Theme] = {}
    for row in rows:
        theme = Theme(
            row["theme_code"],
            row["name"],
            row["parent_code"],
            row["definition"],
            tuple(filter(None, row["kinds"].split("|"))),
        )
        if theme.code in out or (theme.parent and theme.parent not in out):
            raise WrongUse(
                f"{path.name}: {theme.code} stands twice, or its parent {theme.parent!r} does not stand before it"
            )
        out[theme.code] = theme
    return out


def elements(contracts: Mapping[str, DatasetContract], book: Mapping[str, Theme] | None = None) -> list[Element]:
    """Every column of every contract with its place. Raises WrongUse where a contract names a theme that is not there."""
    book = themes() if book is None else book
    by_kind = {kind: theme.code for theme in book.values() for kind in theme.kinds}
    out = []
    for dataset, contract in sorted(contracts.items()):
        for column in contract.columns:
            theme, placed_by = _place(column, contract, by_kind)
            if theme and theme not in book:
                raise WrongUse(f"{dataset}.{column.name}: there is no theme {theme!r} in {SEED.name}")
            out.append(Element(dataset, column.name, column.business_name, theme, placed_by, column.custom.grade,
                               column.custom.personal_data))  # fmt: skip
    return out


def _place(
    column: Column, contract: DatasetContract, by_kind: Mapping[str, str]
) -> tuple[str, Literal["column", "kind", "dataset", "nothing"]]:
    if column.custom.theme:
        return column.custom.theme, "column"
    if kind := by_kind.get(column.custom.standard.kind):
        return kind, "kind"
    return (contract.custom.theme, "dataset") if contract.custom.theme else ("", "nothing")


def coverage(contracts: Mapping[str, DatasetContract]) -> dict[str, Any]:
    """Elements by theme, and which share of all is placed; the ones that are not, by name."""
    book = themes()
    found = elements(contracts, book)
    counts: dict[str, int] = dict.fromkeys(book, 0)
    for element in found:
        if element.theme:
            counts[element.theme] += 1
    unplaced = [f"{e.dataset}.{e.column}" for e in found if not e.theme]
    return {
        "datasets": len(contracts),
        "elements": len(found),
        "placed": len(found) - len(unplaced),
        "covered_share": round(1 - len(unplaced) / len(found), 4) if found else 0.0,
        "placed_by": {how: sum(e.placed_by == how for e in found) for how in ("column", "kind", "dataset", "nothing")},
        "unplaced": unplaced,
        "themes": [
            {"theme": t.code, "name": t.name, "parent": t.parent,
             "elements": sum(counts[c] for c, s in book.items() if t.code in (c, s.parent))}
            for t in book.values()
        ],
    }  # fmt: skip


def page(contracts: Mapping[str, DatasetContract]) -> str:
    """Text of docs/reference/catalogue.md."""
    book = themes()
    found = elements(contracts, book)
    told = coverage(contracts)
    by_theme: dict[str, list[Element]] = {code: [] for code in book}
    for element in found:
        if element.theme:
            by_theme[element.theme].append(element)
    lines = [
        "# 数据目录",
        "由数据契约与 `dbt_project/seeds/data_theme.csv` 生成（`townlake catalogue --page docs/reference/catalogue.md`）。",
        "",
        f"{told['datasets']} 个数据集、{told['elements']} 个数据元素，已归类 {told['placed']} 个（{told['covered_share']:.1%}）："
        f"契约按列指定 {told['placed_by']['column']} 个，按数据元种类 {told['placed_by']['kind']} 个，随数据集 {told['placed_by']['dataset']} 个。",
        "",
        "主题为本项目所拟。烟台市的数据资源目录公开的只有数量（15 类、177 小类、2,053 项），没有条目，因此不与之逐项对应；"
        "得到正式目录后，改种子文件和契约中的 `theme` 即可。",
        "",
        "| 主题 | 名称 | 定义 | 元素 |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {t['theme']} | {'' if not t['parent'] else '　'}{t['name']} | {book[t['theme']].definition} | {t['elements']} |"
        for t in told["themes"]
    ]
    for code, theme in book.items():
        if not theme.parent:
            lines += ["", f"## {theme.name}"]
        if held := by_theme[code]:
            lines += [
                "",
                f"### {code} {theme.name}",
                "| 数据集 | 列 | 表头 | 个人信息 | 分级 |",
                "|---|---|---|---|---|",
            ]
            lines += [
                f"| [{e.dataset}](sources/{e.dataset}.md) | `{e.column}` | {e.header} | {PERSONAL_DATA[e.personal_data]} | {GRADE[e.grade]} |"
                for e in held
            ]
    return "\n".join(lines) + "\n"
