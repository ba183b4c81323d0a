"""The receipt of a review workbook (核对表), as a clerk sees it: first what was taken, after the build what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion.receipt_page import Notice, Table, View, mapping, mappings, number, text
from ingestion.review import NOUNS

STATES = {
    "merged": "已归为同一个",
    "parted": "已分为两个",
    "unsure": "已记下，不再询问",
    "declined": "没有采用",
    "gone": "其中一方已不在数据中",
    "pending": "没有生效",
}
_EFFECTIVE = ("merged", "parted", "unsure")


def reviewed(receipt: Mapping[str, Any], plain: View) -> View:
    """`plain` is the view of any receipt; what a review has to say takes its place."""
    from dataclasses import replace

    said, outcome = mapping(receipt.get("review")), mapping(receipt.get("outcome"))
    noun = NOUNS.get(str(said.get("entity")), "对象")
    state, tone, verdict, steps = _verdict(said, outcome)
    return replace(
        plain,
        kicker="核对回执",
        state=state,
        tone=tone,
        verdict=verdict,
        steps=steps,
        figures=_figures(said, noun),
        notices=_notices(said),
        decisions=(),
        tables=tuple(t for t in (_outcome(outcome), _problems(said), _listed(said, noun)) if t.rows),
        footer="每一条判断由谁在什么时候作出都有记录，以后可以再改；同一对以最后一次判断为准。本回执不含任何人的信息。",
    )


def _verdict(said: Mapping[str, Any], outcome: Mapping[str, Any]) -> tuple[str, str, str, tuple[str, ...]]:
    """(state, tone, sentence, what to do)."""
    handed, refused = number(said, "same", "other", "unsure"), number(said, "refused")
    again = ("没有采用的：按下面的原因改好，再把整个文件放回文件夹。",) if refused else ()
    if outcome:
        done = number(outcome, *_EFFECTIVE)
        still = number(outcome, *(s for s in STATES if s not in _EFFECTIVE))
        told = f"判断已生效：{done:,} 对" + (f"；{still:,} 对没有，见下" if still else "")
        return "已生效", "warn" if still or refused else "good", told + "。", again
    if handed:
        told = f"收到 {handed:,} 对的判断。下次构建时生效，结果会补写在本回执里。"
        return "已收到", "warn" if refused else "good", told, again
    if refused:
        return "没有采用", "bad", "这份核对表没有一条判断可以采用，原因如下。", again
    if number(said, "repeated"):
        return "没有新内容", "calm", "这些判断以前已经收到过，没有重复采用。不用重新报送。", ()
    return "没有填写", "calm", "这份核对表还没有填任何判断。填好后再放回文件夹即可。", ()


def _figures(said: Mapping[str, Any], noun: str) -> tuple[tuple[str, str], ...]:
    shown = (
        (f"对是同一{noun}", "same"),
        (f"对不是同一{noun}", "other"),
        ("对无法判断", "unsure"),
        ("对没有采用", "refused"),
    )
    return tuple((label, f"{number(said, key):,}") for label, key in shown)


def _notices(said: Mapping[str, Any]) -> tuple[Notice, ...]:
    out = []
    if blank := number(said, "blank"):
        out.append(Notice(f"有 {blank:,} 对还没有填判断", "这些对继续保留，可以下次再填。"))
    if repeated := number(said, "repeated"):
        out.append(Notice(f"有 {repeated:,} 对的判断以前已收到过", "没有重复采用。"))
    return tuple(out)


def _outcome(outcome: Mapping[str, Any]) -> Table:
    rows = tuple(
        (text(r.get("pair_id")), STATES.get(str(r.get("state")), ""), text(r.get("reason"), 600))
        for r in mappings(outcome.get("rows"))
    )
    return Table("逐对结果", ("核对编号", "结果", "说明"), rows)


def _problems(said: Mapping[str, Any]) -> Table:
    rows = tuple(
        (f"第 {text(r.get('row'))} 行", text(r.get("pair_id")), text(r.get("reason_zh"), 600))
        for r in mappings(said.get("problems"))
    )
    return Table("没有采用的", ("核对表中", "核对编号", "原因"), rows)


def _listed(said: Mapping[str, Any], noun: str) -> Table:
    words = {"same": f"是同一{noun}", "other": f"不是同一{noun}", "unsure": "无法判断"}
    rows = tuple(
        (
            f"第 {text(r.get('at_row'))} 行",
            text(r.get("pair_id")),
            words.get(str(r.get("verdict")), ""),
            text(r.get("by")),
        )
        for r in mappings(said.get("listed"))
    )
    return Table("收到的判断", ("核对表中", "核对编号", "判断", "核对人"), rows)
