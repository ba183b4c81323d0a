"""What calamine does not tell of an xlsx: date system, macros, hidden rows and columns, error cells, formulas.

Parts are read straight from the zip, in bounded pieces and with patterns, never with an XML parser: nothing here expands
an entity, and a part with a document type is refused.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

from ingestion.readers.model import Refused

PART_LIMIT = 1 << 30
TOTAL_LIMIT = 3 << 30
RATIO_LIMIT = 400
PIECE = 4 << 20
TAIL = 256 << 10
ERRORS_KEPT = 100_000

_SHEET = re.compile(rb"<(?:\w+:)?sheet\b([^>]*)/?>")
_REL = re.compile(rb"<(?:\w+:)?Relationship\b([^>]*)/?>")
_ATTRIBUTE = re.compile(rb"([\w:.\-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_DATE1904 = re.compile(rb"<(?:\w+:)?workbookPr\b[^>]*\bdate1904\s*=\s*[\"'](?:1|true)[\"']")
_ERROR_CELL = re.compile(
    rb"<(?:\w+:)?c\b([^>]*\bt=[\"']e[\"'][^>]*)>(?:(?!</(?:\w+:)?c>).){0,20000}?<(?:\w+:)?v>([^<]{0,40})<", re.DOTALL
)
_HIDDEN_ROW = re.compile(rb"<(?:\w+:)?row\b([^>]*\bhidden=[\"'](?:1|true)[\"'][^>]*)>")
_HIDDEN_COLUMN = re.compile(rb"<(?:\w+:)?col\b([^>]*\bhidden=[\"'](?:1|true)[\"'][^>]*)>")
_FORMULA = re.compile(rb"<(?:\w+:)?f[ >/]")
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")


@dataclass
class SheetFacts:
    """Facts of one sheet. ``errors``: (row number, column from 0) -> error text such as ``#DIV/0!``."""

    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    formulas: int = 0


def check_package(path: Path) -> None:
    """Refuse a zip-based workbook that is a bomb, is encrypted or declares a document type.

    Raises:
        Refused: ``archive_bomb``, ``encrypted``, ``xml_entities`` or ``corrupt``.
    """
    try:
        with zipfile.ZipFile(path) as package:
            infos = package.infolist()
            check_sizes(infos)
            for info in infos:
                if info.flag_bits & 1:
                    raise Refused(
                        "encrypted", "工作簿已加密，请取消密码后重新报送", "the workbook's parts are encrypted"
                    )
                if info.filename.lower().endswith((".xml", ".rels")):
                    with package.open(info) as part:
                        head = part.read(2_048)
                    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
                        raise Refused(
                            "xml_entities",
                            "工作簿含有不安全的 XML 声明，拒绝读取",
                            f"part {info.filename} declares a document type",
                        )
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise Refused(
            "corrupt", "文件已损坏，无法作为工作簿打开，请重新导出", f"not a readable zip package: {error}"
        ) from error


def check_sizes(infos: list[zipfile.ZipInfo]) -> None:
    """Refuse what would unpack to more than the limits, by what the directory declares."""
    total = sum(info.file_size for info in infos)
    for info in infos:
        if info.file_size > PART_LIMIT or (
            info.file_size > 64 << 20 and info.file_size > RATIO_LIMIT * max(info.compress_size, 1)
        ):
            raise Refused(
                "archive_bomb",
                "压缩内容异常（解压后过大），拒绝读取",
                f"{info.filename} unpacks to {info.file_size} bytes",
            )
    if total > TOTAL_LIMIT:
        raise Refused("archive_bomb", "压缩内容异常（解压后过大），拒绝读取", f"unpacks to {total} bytes")


class Package:
    """Facts of an open xlsx or xlsm; every method answers with less, never with an exception, when a part is odd."""

    def __init__(self, path: Path) -> None:
        self._path, self._zip = path, zipfile.ZipFile(path)
        names = {name.lower(): name for name in self._zip.namelist()}
        self.macros = any(name.endswith("vbaproject.bin") for name in names)
        book = next((names[n] for n in ("xl/workbook.xml", "xl\\workbook.xml") if n in names), None)
        book = book or next((real for low, real in names.items() if low.endswith("workbook.xml")), None)
        text = self._read(book, 16 << 20) if book else b""
        self.date1904 = bool(_DATE1904.search(text))
        self._parts = self._sheet_parts(book, text, names) if book else {}

    def close(self) -> None:
        self._zip.close()

    def _read(self, name: str | None, limit: int) -> bytes:
        if not name:
            return b""
        try:
            with self._zip.open(name) as part:
                return part.read(limit)
        except (
            KeyError,
            zipfile.BadZipFile,
            OSError,
            EOFError,
            RuntimeError,
            ValueError,
            NotImplementedError,
            zlib.error,
        ):
            return b""

    def _sheet_parts(self, book: str, text: bytes, names: dict[str, str]) -> dict[str, str]:
        """Sheet name -> part name, by the workbook's relationships."""
        folder, _, leaf = book.replace("\\", "/").rpartition("/")
        rels = self._read(names.get(f"{folder}/_rels/{leaf}.rels".lower().lstrip("/")), 16 << 20)
        targets = {a.get("Id", ""): a.get("Target", "") for a in map(attributes, _REL.findall(rels))}
        out = {}
        for found in _SHEET.findall(text):
            a = attributes(found)
            target = targets.get(a.get("r:id", "") or next((v for k, v in a.items() if k.endswith(":id")), ""), "")
            full = target.lstrip("/") if target.startswith("/") else f"{folder}/{target}".lstrip("/")
            if full.lower() in names:
                out[a.get("name", "")] = names[full.lower()]
        return out

    def sheet_facts(self, sheet: str, facts: SheetFacts) -> SheetFacts:
        """Put hidden rows and columns, error cells and the number of formulas of one sheet into ``facts``."""
        part = self._parts.get(sheet)
        if part is None or not part.lower().endswith(".xml"):
            return facts
        first = True
        prefixed = single = False
        for piece in self._pieces(part):
            if first:
                prefixed, single = b":worksheet" in piece[:4_000], b"='" in piece[:4_000]
                for found in _HIDDEN_COLUMN.findall(piece[:1_000_000]):
                    a = attributes(found)
                    low, high = _integer(a.get("min")), _integer(a.get("max"))
                    facts.hidden_columns += list(range(low - 1, min(high, low + 200))) if low and high else []
                first = False
            if b"hidden=" in piece:
                facts.hidden_rows += [_integer(attributes(found).get("r")) for found in _HIDDEN_ROW.findall(piece)]
            if b't="e"' in piece or (single and b"t='e'" in piece):
                self._errors(piece, facts)
            if b"<f" in piece or (prefixed and b":f" in piece):
                facts.formulas += sum(1 for _ in _FORMULA.finditer(piece))
        return facts

    def _pieces(self, part: str) -> Iterator[bytes]:
        """A part in pieces that end after a cell or row."""
        rest = b""
        with suppress(zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError, NotImplementedError, zlib.error):
            for data in self._inflate(self._zip.getinfo(part)):
                data = rest + data  # noqa: PLW2901
                tail = max(len(data) - TAIL, 0)
                ends = (b"</c>", b"</row>", b":c>", b":row>")
                cut = max(data.rfind(end, tail) + len(end) if data.find(end, tail) >= 0 else 0 for end in ends)
                cut = cut or len(data)
                yield data[:cut]
                rest = data[cut:]
        if rest:
            yield rest

    def _inflate(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """The bytes of a part, by pieces of a bounded size. Deflated parts go straight through zlib: calamine has checked
        their sum, and the library's own stream is half as fast."""
        if info.compress_type != zipfile.ZIP_DEFLATED:
            with self._zip.open(info) as stream:
                while data := stream.read(PIECE):
                    yield data
            return
        with self._path.open("rb") as file:
            file.seek(info.header_offset)
            head = file.read(30)
            file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
            inflater, left = zlib.decompressobj(-15), info.compress_size
            while left > 0 and (packed := file.read(min(left, PIECE // 8))):
                left -= len(packed)
                while packed:
                    yield inflater.decompress(packed, 2 * PIECE)
                    packed = inflater.unconsumed_tail

    def _errors(self, piece: bytes, facts: SheetFacts) -> None:
        for found, text in _ERROR_CELL.findall(piece):
            place = reference(attributes(found).get("r", ""))
            if place and len(facts.errors) < ERRORS_KEPT:
                facts.errors[place] = unescape(text.decode("utf-8", "replace"))


def attributes(text: bytes) -> dict[str, str]:
    """Attributes of one XML tag."""
    return {
        name.decode(): unescape((double or single).decode("utf-8", "replace"))
        for name, double, single in _ATTRIBUTE.findall(text)
    }


def reference(text: str) -> tuple[int, int] | None:
    """``B3`` -> (3, 1): row number and column from 0."""
    match = _REFERENCE.fullmatch(text)
    if not match:
        return None
    column = 0
    for letter in match.group(1):
        column = column * 26 + ord(letter) - 64
    return int(match.group(2)), column - 1


def _integer(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
