"""Review workbooks (核对表): doubtful pairs that somebody decided in Excel and dropped back into a landing folder.

`townlake review export` writes them: a sheet with two rows per pair, and a hidden sheet that names of each pair the two
contents, sealed over everything the pair shows (ingestion.sealed). This module
knows the layout, recognises such a workbook among deliveries and reads it: a decision is taken only on what was
exported, with the name of who decided. What it finds becomes a raw file of decisions; the lake is not touched.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.sealed import (
    ROWS_LISTED,
    Cell,
    below_header,
    brought_before,
    is_sealed,
    read_sheets,
    seal,
    secret,
    write_raw,
)
from warehouse.home import Home
from warehouse.reviews import OTHER, SAME, UNSURE, contradictory

if TYPE_CHECKING:
    import polars as pl

    from ingestion.landing import Claim
    from ingestion.readers import FileProbe

SHEET, MANIFEST = "核对", "_townlake_review"
FORMAT = "townlake-review-1"
STATUS = "review"
LEAD = ("核对编号", "判断", "核对人", "说明")
TAIL = ("来源", "相符之处", "不符之处", "可能性", "为何要核对")
SIDE = "哪一方"
NOUNS = {"person": "人", "organisation": "单位", "event": "事件", "facility": "设施"}
"""What is asked of each entity type that is compared: 是同一人？"""


def answers(entity: str) -> dict[str, str]:
    """What the drop-down offers → verdict."""
    noun = NOUNS[entity]
    return {f"是同一{noun}": SAME, f"不是同一{noun}": OTHER, "无法判断": UNSURE}


@dataclass(frozen=True)
class Manifest:
    """What the hidden sheet says about the workbook; `headers` are those of the columns between 哪一方 and the last ones."""

    workbook: str
    entity: str
    exported_at: str
    headers: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Every heading of the visible sheet."""
        return (*LEAD, SIDE, *self.headers, *TAIL)

    def seal(self, key: bytes) -> str:
        return seal(key, FORMAT, self.workbook, self.entity, self.exported_at, self.headers)

    def rows(self, key: bytes) -> list[list[str]]:
        """The first two rows of the hidden sheet."""
        return [[FORMAT, self.workbook, self.entity, self.exported_at, self.seal(key)], list(self.headers)]


@dataclass(frozen=True)
class Pair:
    """One pair as the hidden sheet keeps it."""

    pair_id: str
    left_content: str
    right_content: str

    def seal(self, key: bytes, manifest: Manifest, shown: Sequence[Sequence[str]]) -> str:
        """Over the pair and `shown`: of its two rows every cell behind 说明."""
        return seal(
            key,
            manifest.workbook,
            manifest.entity,
            self.pair_id,
            self.left_content,
            self.right_content,
            *(list(row) for row in shown),
        )

    def row(self, key: bytes, manifest: Manifest, shown: Sequence[Sequence[str]]) -> list[str]:
        """The row of the hidden sheet."""
        return [self.pair_id, self.left_content, self.right_content, self.seal(key, manifest, shown)]


def is_review(found: FileProbe) -> bool:
    """Whether a probed file is a review workbook, or what is left of one: it must never be taken for a delivery."""
    return is_sealed(found, MANIFEST, (*LEAD, SIDE, *TAIL))


# ---- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """Why the decision on one pair was not taken."""

    row: int
    pair_id: str
    code: str
    reason_zh: str


@dataclass
class Reading:
    """What a workbook brings: one record per decision, and every pair that brings none with its reason."""

    records: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    blank: int = 0


@dataclass(frozen=True)
class _Block:
    """The rows of one pair on the visible sheet; `at` is the first one's number."""

    at: int
    rows: list[list[Cell]]

    def said(self, column: int) -> Cell:
        """The cell in which the clerk answers: merged over both rows, so it may stand in either."""
        return next((row[column] for row in self.rows if row[column].text or row[column].fault), Cell(""))


def read(home: Home, claim: Claim, found: FileProbe, stored: Path) -> dict[str, Any]:
    """The receipt's parts for a review workbook; writes the raw file of its decisions.

    Raises:
        readers.Refused: not an xlsx, no hidden sheet or one that is not ours, altered headings.
    """
    from ingestion.readers import Refused as FileRefused

    if found.format not in ("xlsx", "xlsm"):
        raise FileRefused(
            "review_format", "核对表要保存为 xlsx 格式：请用 Excel 或 WPS 打开导出的原文件，填好后直接保存",
            f"a review workbook saved as {found.format}"
        )  # fmt: skip
    sheets = read_sheets(stored, (SHEET, MANIFEST))
    key = secret(home)
    manifest, pairs = _manifest(sheets.get(MANIFEST), key)
    result = _compare(_blocks(sheets.get(SHEET), manifest), manifest, pairs, key)
    records, repeated = _new_only(home, manifest.workbook, _frame(result.records))
    raw = write_raw(home, "_reviews", claim, records) if records.height else None
    verdicts = records["verdict"].to_list()
    return {
        "status": STATUS,
        "title": f"疑似同一{NOUNS[manifest.entity]}核对表",
        "raw": raw,
        "review": {
            "workbook": manifest.workbook,
            "entity": manifest.entity,
            "exported_at": manifest.exported_at,
            **{verdict: verdicts.count(verdict) for verdict in (SAME, OTHER, UNSURE)},
            "repeated": repeated,
            "blank": result.blank,
            "refused": len(result.problems),
            "problems": [asdict(p) for p in result.problems[:ROWS_LISTED]],
            "listed": records.select("pair_id", "at_row", "verdict", "by").head(ROWS_LISTED).to_dicts(),
        },
    }


def _manifest(sheet: list[list[Cell]] | None, key: bytes) -> tuple[Manifest, dict[str, tuple[Pair, str]]]:
    """Manifest and pairs by id with the seals they carry. Refuses what this lakehouse has not sealed."""
    from ingestion.readers import Refused as FileRefused

    rows = [[c.text for c in row] for row in sheet or []]
    if len(rows) < 2 or not rows[0] or rows[0][0] != FORMAT:
        raise FileRefused(
            "review_without_manifest",
            "核对表缺少校验信息（隐藏的工作表被删除，或内容被复制到了别的文件）：请用导出的原文件填写，不要新建文件",
            "a review workbook without its hidden sheet",
        )
    head = [*rows[0], *[""] * 5]
    manifest = Manifest(head[1], head[2], head[3], tuple(t for t in rows[1] if t))
    if not hmac.compare_digest(head[4].encode(), manifest.seal(key).encode()):
        raise FileRefused(
            "review_tampered", "核对表的校验信息被改动，或不是由本系统导出：请重新导出后填写",
            "the seal of the review workbook does not hold"
        )  # fmt: skip
    padded = ([*row, *[""] * 4] for row in rows[2:] if any(row))
    return manifest, {row[0]: (Pair(row[0], row[1], row[2]), row[3]) for row in padded}


def _blocks(sheet: list[list[Cell]] | None, manifest: Manifest) -> Iterator[_Block]:
    """The rows below the headings, pair by pair. Refuses a sheet whose headings are not as they were exported."""
    from ingestion.readers import Refused as FileRefused

    altered = FileRefused(
        "review_header", "核对表的表头被改动（改名、插入、删除或移动了列）：请重新导出，只填“判断”“核对人”“说明”三栏",
        "the headings of the review workbook are not as exported"
    )  # fmt: skip
    block: _Block | None = None
    for number, cells in below_header(sheet, manifest.columns, altered):
        if block is None or cells[0].text:
            if block is not None:
                yield block
            block = _Block(number, [])
        block.rows.append(cells)
    if block is not None:
        yield block


def _compare(
    blocks: Iterator[_Block], manifest: Manifest, pairs: Mapping[str, tuple[Pair, str]], key: bytes
) -> Reading:
    """Pair by pair what was decided; a clerk's workbook is small, so single pairs are looked at."""
    result = Reading()
    by_id: dict[str, list[_Block]] = {}
    for block in blocks:
        by_id.setdefault(block.rows[0][0].text.strip(), []).append(block)
    for pair_id, given in by_id.items():
        pair = pairs.get(pair_id)
        if pair is None:
            reason = "核对编号为空、被改动，或不是这份核对表里的，没有采用"
            result.problems += [Problem(block.at, pair_id, "tampered", reason) for block in given]
        elif len(given) > 1:
            reason = "同一个核对编号出现了几次，没有采用：请重新导出后填写"
            result.problems.append(Problem(given[0].at, pair_id, "twice", reason))
        else:
            _take(given[0], manifest, pair, key, result)
    _drop_contradictions(result)
    return result


def _take(block: _Block, manifest: Manifest, sealed: tuple[Pair, str], key: bytes, result: Reading) -> None:
    pair, carried = sealed
    shown = [[c.text for c in row[len(LEAD) :]] for row in block.rows]
    verdict, by, reason = (block.said(at) for at in (1, 2, 3))
    texts = tuple(c.text.strip() for c in (verdict, by, reason))
    known = answers(manifest.entity)
    objection = ("", "")
    if not hmac.compare_digest(carried.encode(), pair.seal(key, manifest, shown).encode()):
        objection = "tampered", "这一对的内容或校验信息被改动，没有采用：灰色栏目请保持原样，或重新导出"
    elif fault := next((f"“{LEAD[at]}”{c.fault}" for at, c in ((1, verdict), (2, by), (3, reason)) if c.fault), ""):
        objection = "cell", fault
    elif not any(texts):
        result.blank += 1
        return
    elif not texts[0]:
        objection = "no_verdict", "填了核对人或说明，但没有选“判断”，没有采用"
    elif texts[0] not in known:
        objection = "unknown_verdict", f"“判断”栏只能选“{'”“'.join(known)}”"
    elif not texts[1]:
        objection = "unsigned", "选了“判断”，但没有填“核对人”，没有采用：请填上姓名再放回"
    if objection[0]:
        result.problems.append(Problem(block.at, pair.pair_id, *objection))
        return
    result.records.append(
        {
            **asdict(pair), "entity": manifest.entity, "verdict": known[texts[0]], "by": texts[1], "reason": texts[2] or None,
            "at_row": block.at,
        }
    )  # fmt: skip


def _drop_contradictions(result: Reading) -> None:
    """Of decisions that cannot all hold none is taken: which one is wrong only the clerk knows."""
    taken = result.records
    found = contradictory([(r["left_content"], r["right_content"], r["verdict"]) for r in taken])
    for at, whole in sorted(found.items()):
        others = "、".join(taken[i]["pair_id"] for i in sorted(whole - {at}))
        reason = f"与 {others} 互相矛盾（甲与乙相同、乙与丙相同，甲与丙就不能不同），都没有采用：请一起再核对"
        result.problems.append(Problem(taken[at]["at_row"], taken[at]["pair_id"], "contradiction", reason))
    result.records = [r for at, r in enumerate(taken) if at not in found]


# ---- what becomes of it -----------------------------------------------------------------------------------------------


def _frame(records: list[dict[str, Any]]) -> pl.DataFrame:
    """One row per decision."""
    import polars as pl

    texts = ("pair_id", "left_content", "right_content", "entity", "verdict", "by", "reason")
    schema: dict[str, Any] = {**dict.fromkeys(texts, pl.String), "at_row": pl.Int64}
    return pl.DataFrame(records, schema=schema, orient="row")


def _new_only(home: Home, workbook: str, records: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Decisions that an earlier copy of the same workbook has not brought already, and how many are only repeated."""
    import polars as pl

    before = brought_before(home, STATUS, "review", workbook)
    if not before or not records.height:
        return records, 0
    last = pl.concat(before).unique("pair_id", keep="last", maintain_order=True).select("pair_id", "verdict")
    new = records.join(last, on=["pair_id", "verdict"], how="anti", maintain_order="left")
    return new, records.height - new.height
