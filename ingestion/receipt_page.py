"""The clerk's receipt (回执): a page and a workbook, drawn from a delivery's JSON and kept beside it.

The page says in plain Chinese what was taken, what was decided and what was not taken and why; the workbook also lists
every row that could not be read. File names, headers and cells are hostile: the page escapes them, the workbook writes
them as text. The same receipt always gives the same bytes, and a receipt with odd or missing parts still gives a page.
"""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ingestion.files import BEIJING, write_atomic
from ingestion.receipts import receipt_path
from warehouse.errors import explain
from warehouse.home import Home

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).resolve().parent / "templates"
MAX_TEXT, MAX_CELL = 300, 32_000
MAX_ITEMS = 200
PAGE_UNREAD, PAGE_CELLS = 20, 12
PAGE_ROWS = 100
BOOK_CELLS = 200
MEMBERS_LOOKED_UP = 200

STATUS = {
    "taken": ("good", "已接收"),
    "identical": ("calm", "内容相同"),
    "refused": ("bad", "未接收"),
    "container": ("calm", "已拆包"),
    "correction": ("good", "已收到"),
    "review": ("good", "已收到"),
    "held": ("warn", "已暂缓"),
    "withdrawn": ("warn", "已撤回"),
}
ROW_KINDS = (
    ("data", "数据行", "进入后续处理的记录"),
    ("header", "表头行", "列名；表中重复出现的表头也在内"),
    ("total", "合计行", "合计、小计、总计，不作为记录"),
    ("note", "说明行", "标题、分节、填表说明、备注等"),
    ("deleted", "已删除行", "源系统中标记为删除的记录"),
    ("blank", "空行", "没有任何内容的行"),
)
FORMATS = {
    "csv": "文本表格（CSV）", "text": "文本表格", "delimited": "文本表格", "xlsx": "Excel 工作簿（xlsx）",
    "xlsm": "带宏的 Excel 工作簿（xlsm）", "xls": "Excel 97–2003 工作簿（xls）", "xlsb": "Excel 二进制工作簿（xlsb）",
    "ods": "开放文档表格（ods）", "dbf": "dBase 数据表（dbf）", "json": "JSON", "jsonl": "JSON 行（每行一条）",
    "geojson": "GeoJSON 地图要素", "parquet": "Parquet", "archive": "压缩包",
    "html": "网页表格（HTML）", "xmlss": "XML 电子表格 2003",
}  # fmt: skip
DELIMITERS = {",": "逗号", "\t": "制表符", ";": "分号", "|": "竖线", " ": "空格", "，": "中文逗号", "；": "中文分号"}
DAY_SOURCES = {
    "file_name": "取自文件名", "title": "取自表格上方的标题", "sheet": "取自工作表名", "column": "取自数据中的日期列",
    "intake": "文件没有写明，按收到当天", "pull": "从数据库拉取的当天",
}  # fmt: skip
KINDS = {"full": "全量（当天有效的全部记录）", "delta": "增量（只含新增和变更）"}

_ASK = "仍不清楚的，把本回执交给数据管理员。"
_DEFAULT_ADVICE = ("按上面的原因改正文件，再放回原来的文件夹。", _ASK)
_UNLIKE_ADVICE = (
    "确认没有放错文件夹，文件的表头是真正的列名，没有被删去或改成别的内容。",
    "如果是一种新的数据，请联系数据管理员登记数据契约；文件留在文件夹里，登记后会自动重读。",
)
ADVICE: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("correction_",), ("用系统导出的原更正表填写，只改数据格，保存为 xlsx 再投放；原表找不到的，请数据管理员重新导出。", _ASK)),
    (("review_",), ("用系统导出的原核对表填写，只填“判断”“核对人”“说明”三栏，保存为 xlsx 再投放；原表找不到的，请数据管理员重新导出。", _ASK)),
    (("wrong_department",), ("把文件移到上面写明的文件夹，不用改内容。", _ASK)),
    (("extra_column",), ("删去多出的列后重新投放；确需报送这些列的，请数据管理员在数据契约中登记。", _ASK)),
    (("unknown_dataset", "missing_column"), (
        "看下面“最接近的数据”：如果就是其中一种，请补上缺少的列（列名照写），再投放一次。",
        "如果列都在、只是叫法不同，文件不用改，留在文件夹里；请数据管理员把您的叫法登记为别名，登记后会自动重读。",
        "如果是一种新的数据，请联系数据管理员登记数据契约，登记后会自动重读。",
    )),
    (("encrypt", "password", "protected"), ("在 Excel 或 WPS 中取消打开密码，另存一份再投放。", _ASK)),
    (("gone", "changed"), ("文件还在原处的，不用处理，系统会自动再读；已经移走的，请重新投放。",)),
    (("permission",), ("把文件重新复制一份到文件夹；仍不行的，请系统管理员检查读取权限。",)),
    (("symlink", "unsafe", "traversal", "escape"), (
        "不要用快捷方式或来历不明的压缩包，请直接投放数据文件本身。", _ASK,
    )),
    (("macro",), ("另存为不带宏的 xlsx 再投放。", _ASK)),
    (("bomb", "too_", "limit", "timeout", "time_", "memory", "nested", "huge"), (
        "文件的大小或结构超出正常范围：请从业务系统重新导出。",
        "数据确实很多的，按月份或按镇街分成几个文件再投放。",
    )),
    (("no_table", "empty", "no_data"), ("打开文件，确认里面有表头和数据行，不是空表、图片或扫描件，再投放。", _ASK)),
    (("unsupported", "format", "not_a_table", "document", "image"), (
        "另存为 xlsx 或 csv 再投放；图片、PDF、Word 文档不能作为数据投放。", _ASK,
    )),
    (("corrupt", "damaged", "truncated", "broken", "invalid", "malformed", "bad_"), (
        "文件已损坏或没有传完：用原来的软件打开检查，另存一份再投放。", _ASK,
    )),
)  # fmt: skip
_RESEND = "在原文件中改正这一行，再投放整个文件。"
ROW_ADVICE: tuple[tuple[tuple[str, ...], str], ...] = (
    (("编码", "字节", "认不出", "无法识别", "乱码", "undecod", "encod"),
     "有的字认不出来：请用 UTF-8 或 GB18030 编码重新导出，再投放整个文件。"),
    (("公式", "错误值", "#ref", "#n/a", "formula", "error"), "格子里是出错的公式：请换成正确的值，再投放整个文件。"),
    (("截断", "不完整", "引号", "truncat", "quote"), "这一行没有写完整：请从业务系统重新导出，再投放整个文件。"),
    (("表头", "列数", "多出", "缺少", "字段", "格数", "ragged"),
     "对照表头数一数格数：格子里的分隔符或换行会把一格拆成两格。改正后再投放整个文件。"),
)  # fmt: skip


Row = tuple[str, str, int, str]
"""(row kind, its Chinese name, how many, what it means)"""


@dataclass(frozen=True)
class Notice:
    """Something the clerk should look at: what, and what to do about it."""

    what: str
    advice: str = ""
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColumnSet:
    """How the columns of one table, or of several alike, were understood.

    `matched`: (delivered header, our title where the department writes another one).
    """

    sheets: str
    matched: tuple[tuple[str, str], ...]
    rescued: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Nearest:
    """A dataset the refused file resembles; `percent` of its columns were found."""

    title: str
    percent: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Member:
    """One file of an archive; `href` is its own receipt in the same folder, where there is one."""

    name: str
    state: str
    tone: str
    detail: str
    href: str = ""


@dataclass(frozen=True)
class Unread:
    """A row that could not be read as it stands."""

    sheet: str
    row_number: str
    cells: tuple[str, ...]
    reason: str
    advice: str


@dataclass(frozen=True)
class Table:
    """Rows of text under their headings; on the page and as a sheet of the workbook."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class View:
    """Everything page and workbook show, as clean text."""

    file: str
    title: str
    tone: str
    state: str
    verdict: str
    reason: str
    number: str
    workbook: str
    steps: tuple[str, ...] = ()
    figures: tuple[tuple[str, str], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    rows: tuple[Row, ...] = ()
    notices: tuple[Notice, ...] = ()
    decisions: tuple[tuple[str, str], ...] = ()
    columns: tuple[ColumnSet, ...] = ()
    nearest: tuple[Nearest, ...] = ()
    headers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    aliases: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()
    unread: tuple[Unread, ...] = ()
    unread_count: int = 0
    header_cells: tuple[str, ...] = ()
    technical: str = ""
    is_archived: bool = False
    kicker: str = "数据交付回执"
    tables: tuple[Table, ...] = ()
    footer: str = "本回执只说明文件读取的情况。逐条检查（证件号码、日期、代码等）在读取之后进行，结果另行反馈。"
    received: datetime | None = None


def draw(home: Home, receipt: dict[str, Any]) -> None:
    """Writes page and workbook beside the receipt's JSON, which stays untouched.

    Never raises over what the receipt says; a disk that cannot be written is an EnvironmentFault.
    """
    base = _base_path(home, receipt)
    try:
        view = look(receipt, base)
        page, book = html(view), workbook(view)
    except Exception:  # a receipt nobody foresaw still gets its page
        view = _bare(receipt, base)
        page, book = html(view), workbook(view)
    try:
        write_atomic(base.with_suffix(".html"), page)
        write_atomic(base.with_suffix(".xlsx"), book)
    except OSError as error:
        raise explain(error) or error from error


def _base_path(home: Home, receipt: Mapping[str, Any]) -> Path:
    department, file = (_plain(receipt.get(key)) for key in ("department", "file"))
    return receipt_path(home, department, file or "unnamed", _plain(receipt.get("delivery_id")) or "0" * 12)


def _plain(value: Any) -> str:
    """A text as it is, but for characters no file name can hold; anything else is no text."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "surrogateescape" if _is_name(value) else "replace").decode("utf-8", "surrogateescape")


def _is_name(value: str) -> bool:
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


# ---- cleaning what others wrote -------------------------------------------------------------------------------------


def text(value: Any, limit: int = MAX_TEXT) -> str:
    """`value` as text that can be shown: control, direction and unpaired characters made visible, length bounded."""
    if value is None:
        return ""
    raw = value if isinstance(value, str) else str(value)
    cut = len(raw) > limit
    raw = raw[:limit]
    if not raw.isprintable():
        raw = "".join(_visible(c) for c in raw)
    return raw + "…" if cut else raw


def _visible(char: str) -> str:
    code, kind = ord(char), unicodedata.category(char)
    if char in "\t\n\r":
        return " "
    if kind == "Zs":
        return char if char == "\u3000" else " "
    if kind == "Cs" or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        return "\ufffd"
    if char.isprintable() or kind == "Cn":  # a rare character may be newer than Python's own tables
        return char
    return f"\\u{code:04x}"


def mapping(value: Any) -> Mapping[str, Any]:
    """The mapping, or none: what a receipt says is not trusted to have a shape."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """The mappings of a list, or none."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []


def number(of: Mapping[str, Any], *keys: str) -> int:
    """The sum of what stands under `keys`, as far as these are whole numbers."""
    return sum(v for k in keys if isinstance(v := of.get(k), int))


def _texts(value: Any, limit: int = MAX_ITEMS) -> tuple[str, ...]:
    """A list of texts; beyond `limit` only how many more."""
    if not isinstance(value, list | tuple):
        return ()
    shown = tuple(text(item) for item in value[:limit])
    return (*shown, f"……另有 {len(value) - limit:,} 项") if len(value) > limit else shown


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and abs(value) < 1e18 else 0


def _instant(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(BEIJING)
    except (TypeError, ValueError, OverflowError):
        return None


def _day(value: Any) -> str:
    try:
        day = date.fromisoformat(str(value)[:10])
        return f"{day.year}年{day.month}月{day.day}日"
    except ValueError:
        return text(value)


def _size(count: int) -> str:
    size = float(count)
    for unit in ("字节", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            return f"{int(size)} {unit}" if unit == "字节" else f"{size:.1f} {unit}"
        size /= 1024
    return ""


def _sheet(value: Any) -> str:
    return text(value) or "（无工作表名）"


# ---- the receipt, seen by a clerk -----------------------------------------------------------------------------------


def look(receipt: Mapping[str, Any], base: Path) -> View:
    """What page and workbook show of a receipt; `base` is the path of its JSON."""
    status = _plain(receipt.get("status"))
    tone, state = STATUS.get(status, ("warn", text(status) or "状态不明"))
    rows = _rows(receipt)
    tables = mappings(receipt.get("tables"))
    widths = {text(t.get("sheet")): len(t["columns"]) for t in tables if isinstance(t.get("columns"), list | tuple)}
    unread = tuple(_unread(row, widths) for row in mappings(receipt.get("unread")))
    unread_count = max(len(unread), _count(receipt.get("unread_count")))
    columns = _column_sets(receipt)
    members = _members(receipt, base) if status == "container" else ()
    delivery_id = text(receipt.get("delivery_id"))
    plain = View(
        file=_name(receipt),
        title=text(receipt.get("title") or receipt.get("dataset")),
        tone=tone,
        state=state,
        verdict=_verdict(status, rows, unread_count, members),
        reason=text(receipt.get("reason_zh"), 2000) or ("没有记下原因。" if status == "refused" else ""),
        steps=advice(receipt.get("code"), resembles=bool(mappings(receipt.get("nearest"))))
        if status == "refused"
        else (),
        figures=_figures(rows, columns, len(mappings(receipt.get("columns"))), unread_count)
        if status == "taken"
        else (),
        facts=tuple((label, value) for label, value in _facts(receipt) if value),
        rows=rows,
        notices=_notices(receipt, columns, unread_count),
        decisions=_decisions(receipt),
        columns=columns,
        nearest=tuple(_nearest(n) for n in mappings(receipt.get("nearest"))[:3]) if status == "refused" else (),
        headers=_headers(tables) if status == "refused" else (),
        aliases=_texts(receipt.get("aliases")),
        members=members,
        unread=unread,
        unread_count=unread_count,
        header_cells=_texts(tables[0].get("columns"), BOOK_CELLS) if len(tables) == 1 else (),
        number=delivery_id[:12].upper() or "无编号",
        technical=_technical(receipt, delivery_id),
        is_archived=bool(receipt.get("archive")),
        received=_instant(receipt.get("received_at")),
        workbook=base.with_suffix(".xlsx").name,
    )
    if status == "review":
        from ingestion.review_page import reviewed

        return reviewed(receipt, plain)
    if status != "correction":
        return plain
    from ingestion.correction_page import corrected

    return corrected(receipt, plain)


def _name(receipt: Mapping[str, Any]) -> str:
    """The file's name as its department knows it: without the department's folder."""
    file, department = _plain(receipt.get("file")), _plain(receipt.get("department"))
    return text(file.removeprefix(f"{department}/") if department else file) or "（没有文件名）"


def _bare(receipt: Any, base: Path) -> View:
    """The least a page can say, for a receipt of a shape nobody foresaw."""
    parts = mapping(receipt)
    status = _plain(parts.get("status"))
    tone, state = STATUS.get(status, ("warn", "状态不明"))
    return View(
        file=_name(parts),
        title="",
        tone=tone,
        state=state,
        verdict="回执内容不完整，请把本页交给数据管理员。",
        reason=text(_plain(parts.get("reason_zh"))),
        number=text(_plain(parts.get("delivery_id")))[:12].upper() or "无编号",
        workbook=base.with_suffix(".xlsx").name,
    )


def advice(code: Any, *, resembles: bool = True) -> tuple[str, ...]:
    """What to do about a refusal, by its code; `resembles`: whether the page can name a dataset the file is close to."""
    name = _plain(code).lower()
    if name == "unknown_dataset" and not resembles:
        return _UNLIKE_ADVICE
    return next((steps for parts, steps in ADVICE if any(part in name for part in parts)), _DEFAULT_ADVICE)


def row_advice(reason: str) -> str:
    """What to do about a row that could not be read, by the reason given."""
    low = reason.lower()
    return next((what for words, what in ROW_ADVICE if any(word in low for word in words)), _RESEND)


def _verdict(status: str, rows: Sequence[Row], unread: int, members: Sequence[Member]) -> str:
    if status == "taken":
        data = _data_rows(rows)
        found = f"读到 {data:,} 行数据" if data else "但没有读到任何数据行"
        return f"文件已接收，{found}，" + (
            f"其中 {unread:,} 行未能正常读取，见文末和工作簿。" if unread else "没有读不出的行。"
        )
    if status == "identical":
        return f"读到 {_data_rows(rows):,} 行数据，与以前接收的一份完全相同（行的先后不计）。不用重新报送。"
    if status == "refused":
        return "这个文件没有接收，原因和处理办法如下。文件夹里的其他文件不受影响。"
    if status == "container":
        taken = sum(m.tone == "good" for m in members)
        accepted = f"其中 {taken:,} 个已接收" if taken else "没有一个被接收"
        return f"压缩包已拆开，内有 {len(members):,} 个文件，{accepted}。"
    return "本次交付的状态见下。"


def _data_rows(rows: Sequence[Row]) -> int:
    return next((n for kind, _, n, _ in rows if kind == "data"), 0)


def _rows(receipt: Mapping[str, Any]) -> tuple[Row, ...]:
    """(kind, Chinese name, rows, meaning): data always, the others where there are any."""
    given = mapping(receipt.get("rows"))
    if not given:
        return ()
    known = [(kind, name, _count(given.get(kind)), what) for kind, name, what in ROW_KINDS]
    names = {kind for kind, _, _ in ROW_KINDS}
    other = [(text(kind), text(kind), _count(n), "") for kind, n in sorted(given.items(), key=str) if kind not in names]
    return tuple(row for row in [*known, *other] if row[2] or row[0] == "data")


def _figures(
    rows: Sequence[Row], columns: Sequence[ColumnSet], tables: int, unread: int
) -> tuple[tuple[str, str], ...]:
    matched = max((len(c.matched) for c in columns), default=0)
    wanted = max((len(c.matched) + len(c.missing) for c in columns), default=0)
    return (
        ("行数据", f"{_data_rows(rows):,}"),
        ("张表", f"{tables:,}"),
        ("列对上", f"{matched}/{wanted}" if wanted else "—"),
        ("行未能读取", f"{unread:,}"),
    )


def _facts(receipt: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    yield "数据名称", text(receipt.get("title") or receipt.get("dataset"))
    pull = mapping(receipt.get("pull"))
    where = text(receipt.get("file")) + ("" if receipt.get("department") else "（不在任何部门的文件夹里）")
    yield ("交付名称" if pull else "投放位置"), where
    yield "数据来源", f"PostgreSQL 数据库，{_source(pull)}" if pull else ""
    yield "水位", _watermark(pull)
    if receipt.get("delivered_on"):
        source = DAY_SOURCES.get(_plain(receipt.get("delivered_on_from")), "")
        yield "数据日期", _day(receipt.get("delivered_on")) + (f"（{source}）" if source else "")
    yield "报送方式", KINDS.get(_plain(receipt.get("kind")), text(receipt.get("kind")))
    received = _instant(receipt.get("received_at"))
    yield "收到时间", f"{received:%Y-%m-%d %H:%M:%S}（北京时间）" if received else text(receipt.get("received_at"))
    yield "文件大小", _size(_count(receipt.get("bytes"))) if receipt.get("bytes") is not None else ""
    yield "格式", _format(receipt)
    sheets = [_sheet(t.get("sheet")) for t in mappings(receipt.get("columns")) if t.get("sheet")]
    yield "已读工作表", _enumerate(sheets, 40)


def _source(pull: Mapping[str, Any]) -> str:
    label = text(pull.get("source"))
    return "契约中的查询" if label == "a query" else f"表 {label}"


def _watermark(pull: Mapping[str, Any]) -> str:
    """From where to where a pull reached, in the source's own words."""
    column, since, upper = (text(pull.get(key)) for key in ("watermark", "since", "to"))
    if not column:
        return ""
    return (
        f"{column} 从 {since} 到 {upper}，以前交付过的行不再重复"
        if since
        else f"{column} 到 {upper} 为止的全部（首次拉取）"
    )


def _format(receipt: Mapping[str, Any]) -> str:
    name = _plain(receipt.get("format"))
    parts = [FORMATS.get(name, text(name).upper())] if name else []
    if encoding := text(receipt.get("encoding")):
        parts.append(f"编码 {encoding.upper()}")
    delimiter = mapping(receipt.get("dialect")).get("delimiter")
    if isinstance(delimiter, str) and delimiter:
        parts.append(f"以{DELIMITERS.get(delimiter) or '“' + text(delimiter) + '”'}分隔")
    return "，".join(parts)


def _enumerate(names: Sequence[str], limit: int) -> str:
    joined = "、".join(names[:limit])
    return joined + (f" 等 {len(names):,} 个" if len(names) > limit else "")


def _column_sets(receipt: Mapping[str, Any]) -> tuple[ColumnSet, ...]:
    """Tables understood alike stand together: one sheet per town makes one set, not thirteen."""
    titles = mapping(receipt.get("column_titles"))
    groups: dict[tuple[Any, ...], list[str]] = {}
    for table in mappings(receipt.get("columns")):
        pairs = list(mapping(table.get("matched")).items())[:MAX_ITEMS]
        matched = tuple((text(header), _title_of(header, titles.get(_plain(name)))) for header, name in pairs)
        key = (matched, _texts(table.get("rescued")), _texts(table.get("missing")))
        groups.setdefault(key, []).append(text(table.get("sheet")))
    return tuple(ColumnSet(_sheets_label(sheets), *key) for key, sheets in list(groups.items())[:MAX_ITEMS])


def _title_of(header: Any, title: Any) -> str:
    """Our name of a column, where the department writes another one."""
    ours = text(title)
    return "" if not ours or "".join(ours.split()) == "".join(text(header).split()) else ours


def _sheets_label(sheets: Sequence[str]) -> str:
    named = [s for s in sheets if s]
    if len(sheets) == 1:
        return named[0] if named else ""
    return f"{len(sheets)} 张表相同" + (f"：{_enumerate(named, 8)}" if named else "")


def _notices(receipt: Mapping[str, Any], columns: Sequence[ColumnSet], unread: int) -> tuple[Notice, ...]:
    out = []
    if unread:
        out.append(Notice(f"有 {unread:,} 行未能正常读取", "逐行的内容、原因和处理办法在工作簿“未能读取的行”中。"))
    if missing := _union(c.missing for c in columns):
        out.append(Notice("约定的列没有出现", "没有这些列也能接收；如果只是改了名字，请告诉数据管理员。", missing))
    if rescued := _union(c.rescued for c in columns):
        out.append(Notice("多出的列", "内容原样保存，但暂不使用；确有用处的，请数据管理员登记。", rescued))
    if tables := tuple(_not_taken(t) for t in mappings(receipt.get("tables_not_taken"))[:MAX_ITEMS]):
        advice_zh = "表头与本数据不符。如果其中有应报送的数据，请改用相同的表头后重新投放。"
        out.append(Notice("没有读取的表", advice_zh, tables))
    out += _repeated(receipt)
    if hidden := tuple(_sheet(t.get("sheet")) for t in mappings(receipt.get("tables")) if t.get("hidden")):
        out.append(Notice("文件中有隐藏的工作表", "请确认这些内容应当报送。", hidden[:MAX_ITEMS]))
    if receipt.get("status") == "taken" and receipt.get("delivered_on_from") == "intake":
        advice_zh = "下次请在文件名或表格标题中写明日期，例如 20261031 或 2026年10月。"
        out.append(Notice("没有找到数据日期，已按收到当天记", advice_zh))
    return tuple(out)


def _not_taken(table: Mapping[str, Any]) -> str:
    """One table the file holds beside those of the dataset: where it stands, what its columns are."""
    columns = _texts(table.get("columns"), 6)
    where = [text(table.get("sheet"))] if table.get("sheet") else []
    if _count(table.get("first_row")) > 1 or not where:
        where.append(f"第 {_count(table.get('first_row'))} 行起")
    if _count(table.get("first_column")) > 1:
        where.append(f"第 {_count(table.get('first_column'))} 列起")
    rows = table.get("estimated_rows")
    told = "" if not isinstance(rows, int) else f"（{rows:,} 行）" if rows else "（没有数据行）"
    return "，".join(where) + (f"：{'、'.join(columns)}" if columns else "") + told


def _repeated(receipt: Mapping[str, Any]) -> Iterable[Notice]:
    """What an earlier delivery or a database had to do with this one."""
    same = mapping(receipt.get("same_content_as"))
    if same and receipt.get("status") == "taken":
        told = f"内容与“{text(same.get('file'))}”（{_day(same.get('delivered_on'))}）完全相同"
        yield Notice(told, "表示到本次的数据日期没有变化。如果本该有变化，请检查是否导出了以前的内容。")
    pull = mapping(receipt.get("pull"))
    if blank := _count(pull.get("without_watermark")):
        told = f"有 {blank:,} 行没有水位（{text(pull.get('watermark'))} 为空），没有拉取"
        yield Notice(told, "请在业务系统中补上这一列，补上后会自动拉取。")


def _union(parts: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part))


def _decisions(receipt: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """(sheets, what was decided), each sentence once, with the sheets it holds for."""
    found: dict[str, list[str]] = {}
    for decision in mappings(receipt.get("decisions")):
        if decision.get("code") == "encoding" and receipt.get("encoding"):
            continue  # the format says it
        found.setdefault(_sentence(decision), [])
    for table in mappings(receipt.get("tables")):
        for decision in mappings(table.get("decisions")):
            sheets = found.setdefault(_sentence(decision), [])
            if (name := text(table.get("sheet"))) and name not in sheets:
                sheets.append(name)
    return tuple((_enumerate(sheets, 6), sentence) for sentence, sheets in list(found.items())[:MAX_ITEMS] if sentence)


def _sentence(decision: Mapping[str, Any]) -> str:
    return text(decision.get("detail_zh") or decision.get("detail_en") or decision.get("code"), 600)


def _headers(tables: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((_sheet(t.get("sheet")), _texts(t.get("columns"), 60)) for t in tables[:5])


def _nearest(found: Mapping[str, Any]) -> Nearest:
    score = found.get("score")
    percent = round(100 * score) if isinstance(score, int | float) and 0 <= score <= 1 else 0
    return Nearest(text(found.get("title") or found.get("dataset")), percent, _texts(found.get("missing"), 60))


def _unread(row: Mapping[str, Any], widths: Mapping[str, int]) -> Unread:
    """`widths`: columns of the table on each sheet, to say by how much a row is too short or too long."""
    given = row.get("cells")
    cells = given if isinstance(given, list | tuple) else [] if given is None else [given]
    shown = [text(c, MAX_CELL) for c in cells[:BOOK_CELLS]]
    if len(cells) > BOOK_CELLS:
        shown.append(f"……另有 {len(cells) - BOOK_CELLS:,} 格")
    sheet = text(row.get("sheet"))
    reason = text(row.get("reason_zh") or row.get("reason_en"), 600) or "没有记下原因"
    width = widths.get(sheet, 0)
    found = f"（{len(cells):,} 格，表头 {width:,} 格）" if "列数" in reason and width and len(cells) != width else ""
    return Unread(sheet, text(row.get("row_number")), tuple(shown), reason + found, row_advice(reason))


def _members(receipt: Mapping[str, Any], base: Path) -> tuple[Member, ...]:
    out = []
    for position, item in enumerate(mappings(receipt.get("members"))):
        name = text(item.get("member")) or "（没有文件名）"
        if "skipped" in item or not item.get("delivery_id"):
            out.append(_skipped(name, text(item.get("skipped"), 600)))
        elif position < MEMBERS_LOOKED_UP:
            out.append(_member(receipt, item, name, base))
        else:
            out.append(Member(name, "另有回执", "mute", ""))
    return tuple(out)


def _skipped(name: str, reason: str) -> Member:
    """A member that was not looked at: what systems leave behind, or one that may not be opened."""
    is_noise = reason in ("", "系统文件")
    return Member(name, "已跳过" if is_noise else "未接收", "mute" if is_noise else "bad", reason)


def _member(receipt: Mapping[str, Any], item: Mapping[str, Any], name: str, base: Path) -> Member:
    """A member's own receipt lies in the same folder, unless its bytes had come before under another name."""
    file = f"{_plain(receipt.get('file'))}/{_plain(item.get('member'))}"
    path = base.parent / receipt_path(Home(base.parent, ""), "", file, _plain(item.get("delivery_id"))).name
    try:
        own = mapping(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return Member(name, "以前收过", "mute", "内容与已收到的另一个文件相同，以那一份回执为准")
    tone, state = STATUS.get(_plain(own.get("status")), ("warn", "状态不明"))
    if own.get("status") == "taken":
        detail = (
            f"{text(own.get('title') or own.get('dataset'))}，{_count(mapping(own.get('rows')).get('data')):,} 行数据"
        )
    else:
        detail = text(own.get("reason_zh"), 600)
    return Member(name, state, tone, detail, quote(path.with_suffix(".html").name))


def _technical(receipt: Mapping[str, Any], delivery_id: str) -> str:
    parts = (
        ("SHA-256", text(receipt.get("sha256")) or delivery_id),
        ("契约", text(receipt.get("contract"))),
        ("程序", text(receipt.get("code_version"))),
    )
    return " · ".join(f"{label} {value}" for label, value in parts if value)


# ---- the page -------------------------------------------------------------------------------------------------------


@cache
def _templates() -> jinja2.Environment:
    import jinja2

    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["thousands"] = lambda n: f"{n:,}"
    return environment


def html(view: View) -> bytes:
    """The page: one self-contained HTML file."""
    template = _templates().get_template("receipt.html.j2")
    total = sum(n for _, _, n, _ in view.rows)
    page = template.render(
        v=view,
        total=total,
        shares=[(kind, round(100 * n / total, 2)) for kind, _, n, _ in view.rows if n] if total else [],
        unread=view.unread[:PAGE_UNREAD],
        cells=PAGE_CELLS,
        workbook_href=quote(view.workbook),
        page_rows=PAGE_ROWS,
        known_kinds=[kind for kind, _, _ in ROW_KINDS],
    )
    return page.encode("utf-8", errors="replace")


# ---- the workbook ---------------------------------------------------------------------------------------------------


def workbook(view: View) -> bytes:
    """The workbook: 概要 and 未能读取的行. Every cell is text: nothing in it is ever a formula or a link."""
    import xlsxwriter

    memory = io.BytesIO()
    options = {
        "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
    }  # fmt: skip
    book = xlsxwriter.Workbook(memory, options)
    created = (view.received or datetime(2000, 1, 1)).replace(tzinfo=None, microsecond=0)
    book.set_properties({"title": "数据交付回执", "author": "townlake", "created": created})
    base = {"font_name": "等线", "font_size": 11, "num_format": "@", "text_wrap": True, "valign": "top"}
    head = {**base, "bold": True, "font_color": "#FFFFFF", "bg_color": "#1F4E79", "valign": "vcenter"}
    styles = {
        "text": book.add_format({**base, "bottom": 1, "bottom_color": "#D9DEE5"}),
        "label": book.add_format({**base, "bottom": 1, "bottom_color": "#D9DEE5", "font_color": "#4A5562"}),
        "group": book.add_format({**base, "bold": True, "bg_color": "#E8EEF5", "font_color": "#1F4E79"}),
        "head": book.add_format(head),
    }
    _summary_sheet(book.add_worksheet("概要"), view, styles)
    for table in view.tables:
        _table_sheet(book.add_worksheet(table.title), table, styles)
    if not view.tables:
        _unread_sheet(book.add_worksheet("未能读取的行"), view, styles)
    book.close()
    return memory.getvalue()


def _summary_sheet(sheet: Any, view: View, styles: Mapping[str, Any]) -> None:
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, 1, 40)
    sheet.set_column(2, 2, 64)
    sheet.freeze_panes(1, 0)
    _print_setup(sheet, landscape=False)
    for column, name in enumerate(("项目", "内容", "说明")):
        sheet.write_string(0, column, name, styles["head"])
    at = 1
    for group, lines in _summary(view):
        if not lines:
            continue
        for column, value in enumerate((group, "", "")):
            sheet.write_string(at, column, value, styles["group"])
        for offset, line in enumerate(lines, start=1):
            for column, value in enumerate(line):
                sheet.write_string(at + offset, column, value, styles["text" if column else "label"])
        at += len(lines) + 1


Lines = list[tuple[str, str, str]]


def _summary(view: View) -> list[tuple[str, Lines]]:
    """Groups of (label, content, explanation)."""
    result = [
        ("状态", view.state, view.verdict),
        ("原因", view.reason, ""),
        *(("怎么办", step, "") for step in view.steps),
    ]
    file = [
        ("文件", view.file, ""),
        *((label, value, "") for label, value in view.facts),
        *(("内容相同的文件", name, "内容完全相同的文件只接收一次") for name in view.aliases),
        ("回执编号", view.number, view.technical),
    ]
    return [
        ("结果", [line for line in result if line[1]]),
        ("文件", file),
        ("行数", [(name, f"{n:,}", what) for _, name, n, what in view.rows]),
        ("请留意", [(n.what, _joined(n.items), n.advice) for n in view.notices]),
        (
            "最接近的数据",
            [(n.title, f"对上 {n.percent}% 的列", f"缺少：{_joined(n.missing) or '没有'}") for n in view.nearest],
        ),
        ("文件里的表头", [(sheet, _joined(columns), "") for sheet, columns in view.headers]),
        ("压缩包里的文件", [(m.state, m.name, m.detail) for m in view.members]),
        ("读取时的判断", [(sheets, sentence, "") for sheets, sentence in view.decisions]),
        ("列的对应", [line for found in view.columns for line in _column_lines(found)]),
    ]


def _joined(names: Sequence[str]) -> str:
    return "、".join(names)[:MAX_CELL]


def _column_lines(found: ColumnSet) -> Lines:
    lines = [("对上", header, f"即“{ours}”" if ours else "") for header, ours in found.matched]
    lines += [("多出", header, "原样保存，暂不使用") for header in found.rescued]
    lines += [("没有出现", header, "") for header in found.missing]
    return [("工作表", found.sheets, ""), *lines] if found.sheets else lines


def _unread_sheet(sheet: Any, view: View, styles: Mapping[str, Any]) -> None:
    width = max((len(row.cells) for row in view.unread), default=0)
    names = [f"第{i + 1}格" + (f" {view.header_cells[i]}" if i < len(view.header_cells) else "") for i in range(width)]
    columns = (("工作表", 16), ("行号", 9), ("原因", 36), ("怎么办", 48), *((name, 18) for name in names))
    for column, (name, size) in enumerate(columns):
        sheet.set_column(column, column, size)
        sheet.write_string(0, column, name, styles["head"])
    sheet.freeze_panes(1, 2)
    _print_setup(sheet, landscape=True)
    if not view.unread:
        none = f"共 {view.unread_count:,} 行，没有逐行保存" if view.unread_count else "没有未能读取的行"
        sheet.write_string(1, 2, none, styles["text"])
        return
    for at, row in enumerate(view.unread, start=1):
        for column, value in enumerate((row.sheet, row.row_number, row.reason, row.advice, *row.cells)):
            sheet.write_string(at, column, value, styles["text"])
    sheet.autofilter(0, 0, len(view.unread), len(columns) - 1)
    if more := view.unread_count - len(view.unread):
        sheet.write_string(len(view.unread) + 1, 2, f"……另有 {more:,} 行没有列出", styles["text"])


def _table_sheet(sheet: Any, table: Table, styles: Mapping[str, Any]) -> None:
    for column, name in enumerate(table.head):
        widest = max((len(row[column]) for row in table.rows), default=0)
        sheet.set_column(column, column, min(60, max(10, 2 * widest)))
        sheet.write_string(0, column, name, styles["head"])
    for at, row in enumerate(table.rows, start=1):
        for column, value in enumerate(row):
            sheet.write_string(at, column, value, styles["text"])
    sheet.freeze_panes(1, 0)
    _print_setup(sheet, landscape=True)


def _print_setup(sheet: Any, *, landscape: bool) -> None:
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    if landscape:
        sheet.set_landscape()
