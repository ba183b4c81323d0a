"""The scorecard (数据质量评分卡) of each department, as a page and a workbook in its outbox, and the city's page in reports.

The order is that of the work in DB37/T 4646.2: probe, check, correct, transform, security. Figures come from `quality.score`
and its neighbours alone; no page holds a value of a row. Names from outside are escaped on the page and text in the workbook.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.contracts import DatasetContract, by_department
from ingestion.files import BEIJING, write_atomic
from quality.freshness import Freshness, look
from quality.scorecard import DIMENSIONS, INDICATORS
from warehouse.errors import explain
from warehouse.home import Home
from warehouse.standard import row_rules, rules

if TYPE_CHECKING:
    import duckdb
    import jinja2

TEMPLATES = Path(__file__).resolve().parent / "templates"
PAGE, BOOK, CITY_PAGE = "数据质量评分卡.html", "数据质量评分卡.xlsx", "数据质量评分卡.html"
MONTHS = 6
GRADES = ((95.0, "优", "good"), (85.0, "良", "calm"), (75.0, "中", "warn"), (0.0, "需改进", "bad"))
"""Least score, word, tone: a reading aid of this house, no standard's."""
Scores = dict[str, tuple[int, int]]
"""dimension → (A, B)"""
_ByDepartment = Mapping[str, list[dict[str, Any]]]


def write(home: Home, con: duckdb.DuckDBPyConnection, contracts: Mapping[str, DatasetContract]) -> list[Path]:
    """Writes every department's page and workbook and the city's page; returns what was written."""
    seen = con.execute(
        "select distinct coalesce(department, split_part(file, '/', 1)) from lake.foundation.delivery"
    ).fetchall()
    known = {department for (department,) in seen}
    figures = _read(con, contracts)
    views = [_department(figures, d, c) for d, c in sorted(by_department(contracts).items()) if d in known]
    views = [v for v in views if v["deliveries"]]
    if not views:
        return []
    _compare(views)
    stamp = datetime.now(UTC).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")
    out = []
    try:
        for view in views:
            folder = home.outbox / view["department"]
            out += [folder / PAGE, folder / BOOK]
            write_atomic(folder / PAGE, _template("scorecard.html.j2").render(v=view, stamp=stamp).encode())
            write_atomic(folder / BOOK, workbook(view, stamp))
        city = {"title": "全市", "departments": sorted(views, key=lambda v: -v["total"]), "late": [f for v in views for f in v["late"]],
                **figures.scored("city")}  # fmt: skip
        out.append(home.reports / CITY_PAGE)
        write_atomic(out[-1], _template("scorecard_city.html.j2").render(v=city, stamp=stamp).encode())
    except OSError as error:
        raise explain(error) or error from error
    return out


@cache
def _template(name: str) -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters["count"] = lambda number: f"{int(number):,}"
    environment.filters["percent"] = percent
    return environment.get_template(name)


# ---- what is shown --------------------------------------------------------------------------------------------------


def total(scores: Scores) -> float:
    """0 to 100, tenths rounded down: the mean of the dimensions there are figures for, each 100 × A / B."""
    known = [a / b for a, b in scores.values() if b]
    return math.floor(1000 * sum(known) / len(known)) / 10 if known else 0.0


def grade(score: float) -> tuple[str, str]:
    """Word and tone of a score."""
    return next((word, tone) for least, word, tone in GRADES if score >= least)


def percent(a: int, b: int) -> str:
    """A / B for people; what is not whole never reads as 100 %."""
    if not b:
        return "—"
    shown = f"{100 * a / b:.1f}"
    return "99.9 %" if shown == "100.0" and a < b else f"{shown} %"


def _scored(months: Mapping[str, Scores]) -> dict[str, Any]:
    """Scores of the newest month, the months before, and what the newest is made of."""
    trend: list[dict[str, Any]] = [{"month": m, "total": total(s)} for m, s in sorted(months.items())][-MONTHS:]
    newest = months[max(months)] if months else {}
    now = trend[-1]["total"] if trend else 0.0
    return {
        "month": max(months, default=""), "total": now, "grade": grade(now), "trend": trend,
        "change": now - trend[-2]["total"] if len(trend) > 1 else None,
        "dimensions": [
            {"code": k, "name": name, "a": newest.get(k, (0, 0))[0], "b": newest.get(k, (0, 0))[1]} for k, name in DIMENSIONS.items()
        ],
    }  # fmt: skip


@dataclass(frozen=True)
class _Figures:
    """What the pages show, read once for all of them; the rows of a department are those of its newest month."""

    scores: Mapping[tuple[str, str], Mapping[str, Scores]]
    """(level, dataset or department, nothing of the city) → month → scores"""
    deliveries: _ByDepartment
    indicators: _ByDepartment
    mend: _ByDepartment
    transformed: _ByDepartment
    standing: Sequence[Freshness]

    def scored(self, level: str, name: str = "") -> dict[str, Any]:
        return _scored(self.scores.get((level, name), {}))


_NEWEST = """newest as (select department, max("month") as newest from lake.quality.scorecard
                        where level = 'department' group by department)"""


def _read(con: duckdb.DuckDBPyConnection, contracts: Mapping[str, DatasetContract]) -> _Figures:
    scores: dict[tuple[str, str], dict[str, Scores]] = {}
    for level, name, month, dimension, a, b in con.execute(
        """select level, coalesce(case level when 'dataset' then dataset when 'department' then department end, ''), "month",
                  dimension, a, b from lake.quality.scorecard"""
    ).fetchall():
        scores.setdefault((level, name), {}).setdefault(month, {})[dimension] = (a, b)
    return _Figures(
        scores,
        deliveries=_rows_by_department(
            con,
            f"""with {_NEWEST}, delivered as (
                    select *, coalesce(department, split_part(file, '/', 1)) as of_department,
                           strftime(coalesce(delivered_on, received_at::date), '%Y-%m') as month_of
                    from lake.foundation.delivery)
                select d.of_department as department, d.dataset, d.file, d.delivered_on, coalesce(d.data_rows, 0) as rows,
                       coalesce(d.accepted, 0) as accepted, coalesce(d.quarantined, 0) as quarantined, d.status,
                       coalesce(d.reason, '') as reason, d.month_of as month
                from delivered as d join newest as n on n.department = d.of_department and n.newest = d.month_of
                order by d.status desc, d.file""",
        ),
        indicators=_rows_by_department(
            con,
            f"""with {_NEWEST}
                select s.department, s.indicator, sum(s.a)::bigint as a, sum(s.b)::bigint as b
                from lake.quality.score as s join newest as n on n.department = s.department and n.newest = s."month"
                group by all order by s.indicator""",
        ),
        mend=_rows_by_department(con, 'select * from lake.quality.to_mend order by "place"'),
        transformed=_rows_by_department(
            con,
            f"""with {_NEWEST}, of_delivery as (
                    select r.* from lake.quality.rule_result as r join lake.foundation.delivery as d using (delivery_id)
                    join newest as n on n.department = r.department and n.newest = strftime(d.delivered_on, '%Y-%m')
                    where r.layer = 'staging' and d.status = 'taken' and r.outcome in ('standardised', 'repaired')
                    qualify r.ran_at = max(r.ran_at) over (partition by r.delivery_id))
                select department, outcome, sum(failed_rows)::bigint as cells from of_delivery group by all order by outcome""",
        ),
        standing=look(con, contracts),
    )


def _department(figures: _Figures, department: str, contracts: Sequence[DatasetContract]) -> dict[str, Any]:
    view = {
        "department": department, "title": contracts[0].custom.department, **figures.scored("department", department),
    }  # fmt: skip
    titles = {c.id: c.name for c in contracts}
    view["deliveries"] = [
        {**d, "name": titles.get(d["dataset"], "未能识别")} for d in figures.deliveries.get(department, ())
    ]
    datasets = [{"name": c.name, **figures.scored("dataset", c.id)} for c in sorted(contracts, key=lambda c: c.id)]
    view["datasets"] = [d for d in datasets if d["month"] == view["month"]]
    view["indicators"] = [
        {"code": i["indicator"], "dimension": DIMENSIONS[i["indicator"][:2]], "name": INDICATORS[i["indicator"]][0],
         "what_b": INDICATORS[i["indicator"]][1], "what_a": INDICATORS[i["indicator"]][2], "a": i["a"], "b": i["b"]}
        for i in figures.indicators.get(department, ())
    ]  # fmt: skip
    view["mend"] = [_wording(row, contracts) for row in figures.mend.get(department, ())]
    view["transformed"] = figures.transformed.get(department, [])
    view["personal"] = {
        level: sum(c.custom.personal_data == level for k in contracts for c in k.columns)
        for level in ("general", "sensitive")
    }
    standing = [f for f in figures.standing if f.dataset in titles]
    view["late"] = [f for f in standing if f.status == "late"]
    view["next"] = _next(standing, titles)
    return view


def _next(standing: Sequence[Freshness], titles: Mapping[str, str]) -> list[dict[str, Any]]:
    words = {"fresh": "正常", "due": "待交付", "late": "已迟", "once": "一次性", "never": "尚未交付"}
    return [
        {"name": titles[f.dataset], "last": f.last_delivered_on or "—", "expected": f.expected_on or "—", "status": words[f.status],
         "tone": {"late": "bad", "due": "warn"}.get(f.status, "mute"), "days": f.days_late}
        for f in sorted(standing, key=lambda f: f.dataset)
    ]  # fmt: skip


def _wording(row: dict[str, Any], contracts: Sequence[DatasetContract]) -> dict[str, Any]:
    """What is wrong, where, and what correcting it brings."""
    contract = next(c for c in contracts if c.id == row["dataset"])
    column = next((c.business_name for c in contract.columns if c.name == row["column"]), None)
    own = {r.rule: r.reason for r in contract.custom.rules}
    known = {**rules(), **row_rules()}
    said = own.get(row["rule"]) or known.get(row["rule"], {}).get("zh") or row["rule"]
    brings = []
    if row["refused_rows"]:
        brings.append(f"{row['refused_rows']:,} 行可重新进入底座")
    if row["incomplete_rows"]:
        brings.append(f"{row['incomplete_rows']:,} 行补全一个值")
    return {**row, "name": contract.name, "column": column, "said": said, "brings": "，".join(brings)}


def _compare(views: list[dict[str, Any]]) -> None:
    """Each department beside the others of its month: place, and the mean of every dimension."""
    ranked = sorted((v["total"] for v in views), reverse=True)
    for view in views:
        view["place"], view["of"] = ranked.index(view["total"]) + 1, len(ranked)
        for dimension in view["dimensions"]:
            others = [
                d["a"] / d["b"] for v in views for d in v["dimensions"] if d["code"] == dimension["code"] and d["b"]
            ]
            dimension["mean"] = 100 * sum(others) / len(others) if others else None


def _rows_by_department(con: duckdb.DuckDBPyConnection, sql: str) -> _ByDepartment:
    result = con.execute(sql)
    names = [d[0] for d in result.description]
    out: dict[str, list[dict[str, Any]]] = {}
    for row in result.fetchall():
        shown = dict(zip(names, row, strict=True))
        out.setdefault(shown["department"], []).append(shown)
    return out


# ---- workbook -------------------------------------------------------------------------------------------------------


def workbook(view: Mapping[str, Any], stamp: str) -> bytes:
    """The same figures as a workbook: 概要, 指标, 待改正. Text is text: no cell is ever a formula or a link."""
    import xlsxwriter

    memory = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(memory, options)
    base = {
        "font_name": "等线",
        "font_size": 11,
        "text_wrap": True,
        "valign": "top",
        "bottom": 1,
        "bottom_color": "#D9DEE5",
    }
    styles = {
        "text": book.add_format({**base, "num_format": "@"}), "count": book.add_format({**base, "num_format": "#,##0"}),
        "share": book.add_format({**base, "num_format": "0.0%"}),
        "head": book.add_format({**base, "bold": True, "font_color": "#FFFFFF", "bg_color": "#1F4E79"}),
    }  # fmt: skip
    dimensions = [(d["name"], d["a"], d["b"], d["a"] / d["b"] if d["b"] else None) for d in view["dimensions"]]
    summary = [("部门", view["title"]), ("月份", view["month"]), ("总分", f"{view['total']:.1f}（{view['grade'][0]}）"),
               ("名次", f"{view['place']} / {view['of']}"), ("制表", stamp)]  # fmt: skip
    sheet = book.add_worksheet("概要")
    _table(sheet, styles, ("项目", "内容"), summary, (16, 40, 14, 14))
    _table(sheet, styles, ("维度", "A 合格", "B 检查", "X = A/B"), dimensions, None, top=len(summary) + 2)
    _table(book.add_worksheet("指标"), styles, ("编号", "维度", "指标", "B 数的是", "A 数的是", "A", "B", "X = A/B"),
           [(i["code"], i["dimension"], i["name"], i["what_b"], i["what_a"], i["a"], i["b"], i["a"] / i["b"] if i["b"] else None)
            for i in view["indicators"]], (8, 10, 16, 28, 24, 12, 12, 10))  # fmt: skip
    _table(book.add_worksheet("待改正"), styles, ("次序", "数据", "列", "问题", "被隔离的行", "缺值的行"),
           [(m["place"], m["name"], m["column"] or "整行", m["said"], m["refused_rows"], m["incomplete_rows"]) for m in view["mend"]],
           (8, 26, 18, 44, 12, 12))  # fmt: skip
    book.close()
    return memory.getvalue()


def _table(
    sheet: Any, styles: Mapping[str, Any], head: Sequence[str], rows: Sequence[Sequence[Any]], widths: Sequence[int] | None, *, top: int = 0
) -> None:  # fmt: skip
    for i, title in enumerate(head):
        sheet.write_string(top, i, title, styles["head"])
    for r, row in enumerate(rows, start=top + 1):
        for i, value in enumerate(row):
            if value is None:
                sheet.write_string(r, i, "—", styles["text"])
            elif isinstance(value, int | float):
                sheet.write_number(r, i, value, styles["share" if isinstance(value, float) else "count"])
            else:
                sheet.write_string(r, i, str(value), styles["text"])
    if widths:
        for i, width in enumerate(widths):
            sheet.set_column(i, i, width)
        sheet.freeze_panes(1, 0)
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
