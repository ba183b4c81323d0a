"""The receipt of a correction workbook (更正表), as a clerk sees it: first what was taken, after the build what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion.receipt_page import Notice, Table, View, mapping, mappings, number, text

STATES = {
    "replayed": ("good", "已入库"),
    "open": ("bad", "仍不合格"),
    "dismissed": ("mute", "已作废"),
    "declined": ("warn", "没有采用"),
    "corrected": ("calm", "等待检查"),
}
_ACTIONS = {"correct": "更正", "confirm": "核对无误", "dismiss": "作废"}


def corrected(receipt: Mapping[str, Any], plain: View) -> View:
    """`plain` is the view of any receipt; what a correction has to say takes its place."""
    from dataclasses import replace

    said, outcome = mapping(receipt.get("corrections")), mapping(receipt.get("outcome"))
    state, tone, verdict, steps = _verdict(said, outcome)
    return replace(
        plain,
        kicker="数据更正回执",
        state=state,
        tone=tone,
        verdict=verdict,
        steps=steps,
        figures=_figures(said, outcome),
        notices=_notices(said),
        decisions=(),
        tables=tuple(table for table in (_outcome(outcome), _problems(said), _listed(said, outcome)) if table.rows),
        footer="更正的内容与原始数据分开保存，原始文件不会被改动；谁在什么时候更正了哪一格，都有记录。",
    )


def _verdict(said: Mapping[str, Any], outcome: Mapping[str, Any]) -> tuple[str, str, str, tuple[str, ...]]:
    """(state, tone, sentence, what to do)."""
    handed = number(said, "rows", "confirmed", "dismissed")
    refused = number(said, "refused")
    again = ("没有采用的行：按下面的原因改好，再把整个文件放回文件夹。",) if refused else ()
    if outcome:
        entered, still = number(outcome, "replayed"), number(outcome, "open", "declined")
        told = f"更正已检查：{entered:,} 行已入库"
        told += f"，{number(outcome, 'dismissed'):,} 行已作废" if number(outcome, "dismissed") else ""
        told += f"，{still:,} 行没有通过，见下" if still else ""
        mend: tuple[str, ...] = (
            ("仍不合格的行：对照下面的原因，在这份更正表里再改一次，放回文件夹。",) if number(outcome, "open") else ()
        )
        mend += ("没有采用的行：见下面的原因，需要时请数据管理员重新导出。",) if number(outcome, "declined") else ()
        return "已检查", "warn" if still or refused else "good", told + "。", (*mend, *again)
    if handed:
        return (
            "已收到",
            "warn" if refused else "good",
            f"更正已收到，共 {handed:,} 行。下次构建时重新检查，结果会补写在本回执里。",
            again,
        )
    if refused:
        return "没有采用", "bad", "这份更正表没有一行可以采用，原因如下。", again
    if number(said, "repeated"):
        return "没有新内容", "calm", "这些更正以前已经收到过，没有重复采用。不用重新报送。", ()
    return "没有改动", "calm", "这份更正表没有改动任何一行。改好后再放回文件夹即可。", ()


def _figures(said: Mapping[str, Any], outcome: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if outcome:
        shown = (
            ("行已入库", "replayed"),
            ("行仍不合格", "open"),
            ("行已作废", "dismissed"),
            ("行没有采用", "declined"),
        )
        return tuple(
            (label, f"{number(outcome, key) + (number(said, 'refused') if key == 'declined' else 0):,}")
            for label, key in shown
        )
    return (
        ("行更正", f"{number(said, 'rows', 'confirmed'):,}"),
        ("格改动", f"{number(said, 'cells'):,}"),
        ("行作废", f"{number(said, 'dismissed'):,}"),
        ("行没有采用", f"{number(said, 'refused'):,}"),
    )


def _notices(said: Mapping[str, Any]) -> tuple[Notice, ...]:
    out = []
    if unsigned := number(said, "unsigned"):
        out.append(Notice(f"有 {unsigned:,} 行没有填更正人", "已记为未署名。下次请在“更正人”栏填姓名。"))
    if unchanged := number(said, "unchanged"):
        out.append(Notice(f"有 {unchanged:,} 行没有改动", "这些行继续保留在隔离区，可以下次再改。"))
    if repeated := number(said, "repeated"):
        out.append(Notice(f"有 {repeated:,} 行的更正以前已收到过", "没有重复采用。"))
    return tuple(out)


def _where(row: Mapping[str, Any]) -> str:
    sheet = f"，{text(row.get('sheet'))}" if row.get("sheet") else ""
    return f"{text(row.get('file'))}{sheet}，第 {text(row.get('row_number'))} 行" if row.get("file") else ""


def _outcome(outcome: Mapping[str, Any]) -> Table:
    rows = tuple(
        (
            text(r.get("quarantine_id")),
            _where(r),
            STATES.get(str(r.get("state")), ("", ""))[1],
            text(r.get("reason"), 600),
        )
        for r in mappings(outcome.get("rows"))
    )
    return Table("逐行结果", ("隔离编号", "原来的位置", "结果", "原因"), rows)


def _problems(said: Mapping[str, Any]) -> Table:
    rows = tuple(
        (f"第 {text(r.get('row'))} 行", text(r.get("quarantine_id")), _where(r), text(r.get("reason_zh"), 600))
        for r in mappings(said.get("problems"))
    )
    return Table("没有采用的行", ("更正表中", "隔离编号", "原来的位置", "原因"), rows)


def _listed(said: Mapping[str, Any], outcome: Mapping[str, Any]) -> Table:
    rows = tuple(
        (text(r.get("quarantine_id")), _where(r), _ACTIONS.get(str(r.get("kind")), ""),
         "、".join(text(c) for c in r.get("columns") or ()), text(r.get("by")))
        for r in mappings(said.get("listed"))
    )  # fmt: skip
    return Table("收到的更正", ("隔离编号", "原来的位置", "处理", "改动的栏目", "更正人"), rows)
