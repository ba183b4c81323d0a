"""dBase and FoxPro tables. Field names and text are often GBK although the file says nothing, or says something else.

The code page is found from the bytes of names and text themselves; the file's own mark only decides when the bytes do not.
Records keep their number (from 1); deleted ones are kept as ``deleted``. Numbers and dates lose the padding of their fixed
width, nothing else; dates read as ISO.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.readers import encoding as enc
from ingestion.readers.model import (
    DATA,
    DELETED,
    TRUNCATED,
    UNDECODABLE,
    Batch,
    Cell,
    Decision,
    FileProbe,
    RawResult,
    Refused,
    TableProbe,
    UnreadRow,
    unique_names,
)

VERSIONS = frozenset(
    {0x02, 0x03, 0x04, 0x05, 0x30, 0x31, 0x32, 0x43, 0x63, 0x7B, 0x83, 0x8B, 0x8C, 0x8E, 0xCB, 0xE5, 0xF5, 0xFB}
)
TYPES = frozenset("CNFDLMTIBY@OGPQVW+0")
BATCH_RECORDS = 20_000
SAMPLE_ROWS = 50
MEMO_LIMIT = 1 << 24
_CODE_PAGES = {
    0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x13: "cp932", 0x26: "cp866", 0x4D: "gb18030", 0x4E: "cp949", 0x4F: "big5hkscs", 0x57: "cp1252",
    0x64: "cp852", 0x65: "cp866", 0x78: "big5hkscs", 0x79: "cp949", 0x7A: "gb18030", 0x7B: "cp932", 0xC8: "cp1250", 0xC9: "cp1251",
}  # fmt: skip
_INVALID = "invalid"
_REASONS = {
    UNDECODABLE: ("记录含无法识别的字节", "the record holds bytes that are no text"),
    TRUNCATED: ("字段宽度不够，末尾的汉字被截断", "a character was cut in half by the width of its field"),
    _INVALID: ("日期等字段的内容与类型不符，按文字保留", "a value does not fit the type of its field; kept as text"),
}
_DIGITS = re.compile(r"\d{8}")


@dataclass(frozen=True)
class Field:
    """One column: name, type letter, offset in the record, bytes, decimals."""

    name: str
    type: str
    offset: int
    length: int
    decimals: int


@dataclass(frozen=True)
class Table:
    """An opened dbf. ``records``: whole records present; ``declared``: what the header says."""

    path: Path
    fields: tuple[Field, ...]
    header_length: int
    record_length: int
    records: int
    declared: int
    codec: str
    said: str | None
    decisions: tuple[Decision, ...]


def looks_like(head: bytes, size: int) -> bool:
    """Whether ``head`` starts a dbf: a known version, sizes that fit, sound field descriptors."""
    if len(head) < 33 or head[0] not in VERSIONS or b"\x00" not in head[1:64]:
        return False
    header_length, record_length = struct.unpack_from("<HH", head, 8)
    if header_length < 33 or record_length < 1 or header_length > size + 1:
        return False
    return head[2] <= 12 and head[3] <= 31 and (head[32] == 0x0D or chr(head[43]) in TYPES)


def open_table(path: Path) -> Table:
    """Read the header of ``path``.

    Raises:
        Refused: the header contradicts itself or the file is encrypted.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(32)
        if len(head) < 32:
            raise Refused("corrupt", "DBF 文件头不完整", "dbf header cut off")
        declared, header_length, record_length = struct.unpack_from("<IHH", head, 4)
        if head[15] == 1:
            raise Refused("encrypted", "DBF 文件已加密，请解密后重新报送", "the dbf says it is encrypted")
        descriptors = file.read(max(header_length - 32, 0))
        sample = file.read(1 << 20)
    raw = _descriptors(descriptors, record_length)
    if not raw:
        raise Refused("corrupt", "DBF 文件头已损坏，找不到字段定义", "no sound field descriptors")
    codec, said, decisions = _codec(raw, sample, record_length, head[29], path)
    fields = tuple(
        Field(name.decode(codec, "replace").strip(), kind, offset, length, decimals)
        for name, kind, offset, length, decimals in raw
    )
    present = max(size - header_length, 0) // record_length if record_length else 0
    decisions = [*decisions, *_count_decisions(declared, present)]
    return Table(
        path,
        fields,
        header_length,
        record_length,
        min(declared, present) if declared else present,
        declared,
        codec,
        said,
        tuple(decisions),
    )


def _count_decisions(declared: int, present: int) -> list[Decision]:
    if declared > present:
        return [
            Decision(
                "records_missing",
                f"the header declares {declared} records, the file holds {present}",
                f"文件头声明 {declared} 条记录，实际只有 {present} 条，文件可能被截断",
            )
        ]
    return []


def _descriptors(data: bytes, record_length: int) -> list[tuple[bytes, str, int, int, int]]:
    out = []
    offset = 1
    for start in range(0, len(data) - 31, 32):
        piece = data[start : start + 32]
        if piece[0] in (0x0D, 0x00):
            break
        name, kind = piece[:11].split(b"\0")[0], chr(piece[11])
        length, decimals = piece[16], piece[17]
        if kind == "C" and decimals:  # long character fields keep the high byte of their length there
            length += decimals << 8
            decimals = 0
        if kind not in TYPES or not length or offset + length > record_length:
            break
        out.append((name, kind, offset, length, decimals))
        offset += length
    return out


def _codec(
    raw: list[tuple[bytes, str, int, int, int]], sample: bytes, record_length: int, mark: int, path: Path
) -> tuple[str, str | None, list[Decision]]:
    """(codec, what the file says, decisions), from the bytes of names and text fields."""
    said = _CODE_PAGES.get(mark) or _sidecar(path)
    pieces = [name for name, *_ in raw if not name.isascii()]
    text_fields = [(offset, length) for _, kind, offset, length, _ in raw if kind == "C"]
    for start in range(0, len(sample) - record_length + 1, record_length):
        for offset, length in text_fields:
            cell = sample[start + offset : start + offset + length].rstrip(b" \0")
            if not cell.isascii():
                pieces.append(cell)
        if len(pieces) > 20_000:
            break
    if not pieces:
        return said or "gb18030", said, []
    found = enc.detect_bytes([b"\n".join(pieces) + b"\n"]).codec
    if said and found == "cp1252":
        found = said
    if found in ("utf-16-le", "utf-16-be"):
        found = said or "gb18030"
    decision = Decision(
        "code_page",
        f"text is {found}; the file says {said or 'nothing'}",
        f"文字按 {found} 读取（文件{'声明为 ' + said if said else '未声明'}）",
    )
    return found, said, [decision] if found != said else []


def _sidecar(path: Path) -> str | None:
    beside = path.with_suffix(".cpg")
    if not beside.is_file() or beside.stat().st_size > 64:
        return None
    name = beside.read_text("ascii", "replace").strip().lower().replace("cp", "").replace("ansi ", "")
    return {
        "utf-8": "utf-8",
        "utf8": "utf-8",
        "936": "gb18030",
        "gbk": "gb18030",
        "gb18030": "gb18030",
        "gb2312": "gb18030",
        "950": "big5hkscs",
        "big5": "big5hkscs",
        "1252": "cp1252",
    }.get(name)


def probe(path: Path) -> FileProbe:
    """One table; the sample holds its first records that are not deleted."""
    table = open_table(path)
    names = tuple(field.name for field in table.fields)
    described = TableProbe(
        0, None, unique_names(names), (), table.records, False, [], (), (), header=names, header_cells=(names,)
    )
    for batch in batches(path, described, RawResult(), limit=SAMPLE_ROWS * 2):
        for i, kind in enumerate(batch.row_kinds):
            if kind == DATA and len(described.sample) < SAMPLE_ROWS:
                described.sample.append([column[i] for column in batch.columns])
    return FileProbe(path, "dbf", table.codec, None, (described,), table.decisions)


def batches(path: Path, described: TableProbe, result: RawResult, limit: int | None = None) -> Iterator[Batch]:
    """All records, batch by batch."""
    table = open_table(path)
    memo = _Memo.beside(path) if any(f.type in "MGP" for f in table.fields) else None
    if memo is None and any(f.type in "MGP" for f in table.fields):
        result.decisions.append(
            Decision(
                "memo_missing",
                "the memo file is not beside the dbf; memo fields read empty",
                "缺少备注文件（.dbt/.fpt），备注字段读为空",
            )
        )
    total = table.records if limit is None else min(limit, table.records)
    with path.open("rb") as file:
        file.seek(table.header_length)
        first = 1
        while first <= total:
            count = min(BATCH_RECORDS, total - first + 1)
            data = file.read(count * table.record_length)
            count = len(data) // table.record_length
            if not count:
                return
            yield _batch(table, data[: count * table.record_length], first, memo, result)
            first += count


def _batch(table: Table, data: bytes, first: int, memo: _Memo | None, result: RawResult) -> Batch:
    step = table.record_length
    count = len(data) // step
    flags = data[0 : count * step : step]
    row_kinds = [DELETED if flag == 0x2A else DATA for flag in flags]
    defects: list[Cell] = [None] * count
    columns: list[list[Cell]] = []
    kinds: list[list[str | None] | None] = []
    for field in table.fields:
        raw = [
            data[start + field.offset : start + field.offset + field.length] for start in range(0, count * step, step)
        ]
        texts, what = _column(field, raw, table.codec, memo, defects)
        columns.append(texts)
        kinds.append(what)
    for i, defect in enumerate(defects):
        if defect:
            cells = tuple(column[i] or "" for column in columns)
            zh, en = _REASONS[defect]
            result.add_unread(UnreadRow(None, first + i, cells, zh, en))
            defects[i] = None if defect == _INVALID else defect
    return Batch(
        range(first, first + count),
        row_kinds,
        columns,
        kinds if any(kinds) else None,
        None,
        defects if any(defects) else None,
    )


def _column(
    field: Field, raw: list[bytes], codec: str, memo: _Memo | None, defects: list[Cell]
) -> tuple[list[Cell], list[str | None] | None]:
    if field.type in "CVQ":
        return _texts(raw, codec, defects), None
    if field.type in "MGP":
        return [memo.text(cell, codec) if memo else None for cell in raw], None
    if field.type in "NF":
        texts = _plain([cell.strip(b" \0") for cell in raw])
        return texts, [None if text is None else "number" for text in texts]
    convert, kind = _TYPED.get(field.type, (None, ""))
    if convert is None:
        return _texts(raw, codec, defects), None
    found: list[tuple[Cell, bool]] = [convert(cell) for cell in raw]
    for place, (text, sound) in enumerate(found):
        if text is not None and not sound:
            defects[place] = defects[place] or _INVALID
    return [t for t, _ in found], [kind if sound and t is not None else None for t, sound in found]


def _plain(cells: list[bytes]) -> list[Cell]:
    return [cell.decode("latin-1") or None for cell in cells]


def _texts(raw: list[bytes], codec: str, defects: list[Cell]) -> list[Cell]:
    """Text fields without their padding. A character cut in half by the field's width is dropped, other damage is marked."""
    cells = [cell.rstrip(b" \0") for cell in raw]
    try:
        joined = b"\n".join(cells)
        out = joined.decode(codec).split("\n")
        if len(out) == len(cells):
            return [text or None for text in out]
    except UnicodeDecodeError:
        pass
    texts: list[Cell] = []
    for i, cell in enumerate(cells):
        text, defect = _one_text(cell, codec, len(cell) == len(raw[i]))
        texts.append(text or None)
        if defect:
            defects[i] = defect
    return texts


def _one_text(cell: bytes, codec: str, full: bool) -> tuple[str, str | None]:
    try:
        return cell.decode(codec), None
    except UnicodeDecodeError as error:
        if full and error.start >= len(cell) - 3:
            return cell[: error.start].decode(codec), TRUNCATED
    for other in ("utf-8", "gb18030"):
        try:
            return cell.decode(other), None
        except UnicodeDecodeError:
            continue
    return cell.decode(codec, "replace"), UNDECODABLE


def _date(cell: bytes) -> tuple[Cell, bool]:
    text = cell.decode("latin-1").strip(" \0")
    if not text or text == "00000000":
        return None, False
    if _DIGITS.fullmatch(text) and "01" <= text[4:6] <= "12" and "01" <= text[6:8] <= "31":
        return f"{text[:4]}-{text[4:6]}-{text[6:]}", True
    return text, False


def _logical(cell: bytes) -> tuple[Cell, bool]:
    text = cell.decode("latin-1").strip(" \0?")
    return (text or None), bool(text)


def _integer(cell: bytes) -> tuple[Cell, bool]:
    return (str(struct.unpack("<i", cell)[0]), True) if len(cell) == 4 else (None, False)


def _double(cell: bytes) -> tuple[Cell, bool]:
    from ingestion.readers.workbook import number_text

    return (number_text(struct.unpack("<d", cell)[0]), True) if len(cell) == 8 else (None, False)


def _currency(cell: bytes) -> tuple[Cell, bool]:
    if len(cell) != 8:
        return None, False
    value = struct.unpack("<q", cell)[0]
    sign, value = ("-", -value) if value < 0 else ("", value)
    return f"{sign}{value // 10_000}.{value % 10_000:04d}", True


def _timestamp(cell: bytes) -> tuple[Cell, bool]:
    import datetime as dt

    if len(cell) != 8 or cell.strip(b" \0") == b"":
        return None, False
    day, milliseconds = struct.unpack("<II", cell)
    try:
        moment = dt.datetime(4713 - 4713 + 1, 1, 1) + dt.timedelta(days=day - 1_721_426, milliseconds=milliseconds)
    except OverflowError:
        return None, False
    return moment.isoformat(), True


_TYPED: dict[str, tuple[Any, str]] = {
    "D": (_date, "date"), "L": (_logical, "bool"), "I": (_integer, "number"), "+": (_integer, "number"), "B": (_double, "number"), "O": (_double, "number"), "Y": (_currency, "number"),
    "T": (_timestamp, "datetime"), "@": (_timestamp, "datetime"),
}  # fmt: skip


class _Memo:
    """A memo file (.fpt of FoxPro, .dbt of dBase III or IV) that lies beside the table."""

    def __init__(self, data: bytes, foxpro: bool) -> None:
        self.data, self.foxpro = data, foxpro
        self.block = (
            (struct.unpack_from(">H", data, 6)[0] or 1)
            if foxpro and len(data) > 8
            else (struct.unpack_from("<H", data, 20)[0] or 512)
            if len(data) > 22
            else 512
        )

    @classmethod
    def beside(cls, path: Path) -> _Memo | None:
        """The memo file of ``path``, whatever the case of its suffix."""
        for candidate in (
            sorted(path.parent.glob(path.stem + ".*")) if path.stem and not any(c in path.stem for c in "*?[") else []
        ):
            suffix = candidate.suffix.lower()
            if suffix in (".fpt", ".dbt") and candidate.is_file() and candidate.stat().st_size <= 1 << 30:
                return cls(candidate.read_bytes(), suffix == ".fpt")
        return None

    def text(self, cell: bytes, codec: str) -> Cell:
        number = (
            struct.unpack("<I", cell)[0]
            if len(cell) == 4
            else int(cell.strip(b" \0") or b"0")
            if cell.strip(b" \0").isdigit()
            else 0
        )
        start = number * self.block
        if not number or start >= len(self.data):
            return None
        return self._piece(start).decode(codec, "replace") or None

    def _piece(self, start: int) -> bytes:
        data = self.data
        if self.foxpro:
            if start + 8 > len(data):
                return b""
            length = struct.unpack_from(">I", data, start + 4)[0]
            return data[start + 8 : start + 8 + min(length, MEMO_LIMIT)]
        if data[start : start + 4] == b"\xff\xff\x08\x00":
            length = struct.unpack_from("<I", data, start + 4)[0]
            return data[start + 8 : start + min(length, MEMO_LIMIT)]
        end = data.find(b"\x1a", start)
        return data[start : end if end >= 0 else min(len(data), start + MEMO_LIMIT)]
