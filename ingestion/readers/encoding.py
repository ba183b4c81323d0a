"""Which encoding a text file is in, and its text block by block, broken bytes and mixed encodings included.

GB text is always read with the ``gb18030`` codec: ``gbk`` fails on characters of names in daily use (䶮), and gb18030 reads
every gbk byte. A line that its file's encoding cannot read is tried field by field in the other one, and what no
encoding can read becomes U+FFFD; both are recorded, never silent.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingestion.readers.model import Decision, Refused

BLOCK = 4 << 20
HEAD = 1 << 20
WINDOW = 64 << 10
LONGEST_LINE = 64 << 20
MIXED_SCAN_LIMIT = 32 << 20

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_UTF8_HAN = re.compile(rb"(?:[\xe3-\xe9][\x80-\xbf]{2}){4,}")
_BEYOND_TWO_BYTES = re.compile("[\u0800-\U0010ffff]")
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


@dataclass(frozen=True)
class Encoding:
    """``name``: a Python codec (``utf-8-sig`` keeps the mark in mind); ``bom``: bytes to skip; ``mixed``: seen already."""

    name: str
    bom: int = 0
    damaged: bool = False

    @property
    def codec(self) -> str:
        """The codec that decodes what follows the byte order mark."""
        return "utf-8" if self.name == "utf-8-sig" else self.name

    @property
    def wide(self) -> bool:
        """Whether a line feed takes more than one byte."""
        return self.name in _WIDE


@dataclass
class Block:
    """Some whole lines of a file. ``damaged``: bytes became U+FFFD in it; ``foreign``: fields read in another encoding."""

    text: str
    damaged: int = 0
    foreign: int = 0


def detect(path: Path) -> Encoding:
    """Detect the encoding of ``path`` from its mark, its first megabyte and windows spread over the rest."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD)
        pieces = [head]
        if size > HEAD:
            step = max((size - HEAD) // 16, WINDOW)
            for start in range(HEAD, size, step):
                file.seek(start)
                window = file.read(WINDOW)
                cut = window.find(b"\n") + 1
                pieces.append(window[cut:])
    return detect_bytes(pieces)


def detect_bytes(pieces: list[bytes]) -> Encoding:
    """The encoding of text given as byte pieces that start at line starts; the first piece starts the file."""
    head = pieces[0]
    for mark, name in _BOMS:
        if head.startswith(mark):
            return Encoding(name, len(mark))
    wide = _without_mark(head)
    if wide:
        return Encoding(wide)
    pieces = [_whole_lines(piece) for piece in pieces]
    if all(_decodes(piece, "utf-8") for piece in pieces):
        return Encoding("gb18030" if _is_short_gb(pieces) else "utf-8")
    return _eight_bit(pieces)


def _whole_lines(piece: bytes) -> bytes:
    cut = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
    return piece[:cut] if cut and len(piece) >= WINDOW // 2 else piece


def _decodes(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except UnicodeDecodeError as error:
        # a character cut at the end of the piece is no evidence against the codec
        return (
            error.end >= len(data)
            and len(data) - error.start < 4
            and error.reason.startswith(("unexpected end", "incomplete"))
        )
    return True


def _is_short_gb(pieces: list[bytes]) -> bool:
    """A few Chinese characters in GB18030 can be valid UTF-8 by chance (值 is U+05B5): then they make letters of scripts that
    no office file here is written in, and only such letters."""
    text = "".join(piece.decode("utf-8", "ignore") for piece in pieces if not piece.isascii())
    if not text or _BEYOND_TWO_BYTES.search(text):
        return False
    letters = {ch for ch in text if ch > "\x7f"}
    if not letters or len(letters) > 50:
        return False
    usual = sum("\xa0" <= ch <= "\u045f" for ch in letters)
    return not usual and all(_decodes(piece, "gb18030") for piece in pieces)


def _without_mark(head: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: zero bytes at one parity, or line feeds and commas that are two bytes wide."""
    sample = head[: 64 << 10]
    sample = sample[: len(sample) // 4 * 4]
    if len(sample) < 8:
        return None
    zeros = [sample[i::4].count(0) / (len(sample) / 4) for i in range(4)]
    if zeros[1] > 0.6 and zeros[2] > 0.9 and zeros[3] > 0.9:
        return "utf-32-le"
    if zeros[0] > 0.9 and zeros[1] > 0.9 and zeros[2] > 0.6:
        return "utf-32-be"
    even, odd = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    for codec, zero_side, other in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if zero_side > 0.05 and other < 0.02 and _looks_like_text(sample, codec):
            return codec
    return None


def _looks_like_text(sample: bytes, codec: str) -> bool:
    text = sample.decode(codec, "replace")
    good = sum(
        1
        for ch in text
        if ch in "\t\r\n"
        or " " <= ch < "\x7f"
        or "\u4e00" <= ch <= "\u9fff"
        or "\u3000" <= ch <= "\u303f"
        or "\uff00" <= ch <= "\uffef"
    )
    return good >= 0.9 * len(text)


def _eight_bit(pieces: list[bytes]) -> Encoding:
    """Not all UTF-8: mostly UTF-8 with damage, GB18030, Big5 or a Western code page, by what the lines decode in."""
    lines = [line for piece in pieces for line in piece.splitlines() if not line.isascii()][:20_000]
    total = len(lines) or 1
    utf8 = sum(_decodes(line, "utf-8") for line in lines)
    gb = sum(_decodes(line, "gb18030") for line in lines)
    if utf8 >= 0.5 * total and (gb < total or any(_UTF8_HAN.search(line) for line in lines)):
        return Encoding("utf-8", damaged=True)
    runs = [run for line in lines[:5_000] for run in _HIGH_RUN.findall(line)]
    single = sum(len(run) == 1 for run in runs)
    if single >= 0.6 * len(runs) and not (gb == total and single < 0.9 * len(runs)):
        return Encoding("cp1252")
    big5 = sum(_decodes(line, "big5hkscs") for line in lines)
    joined = b"\n".join(lines[:5_000])
    if big5 >= gb and _common(joined, 0xA4, 0xC6, big5=True) > _common(joined, 0xB0, 0xD7, big5=False) + 0.1:
        return Encoding("big5hkscs", damaged=big5 < total)
    return Encoding("gb18030", damaged=gb < total)


def _common(data: bytes, first: int, last: int, *, big5: bool) -> float:
    """The share of double-byte characters whose lead byte lies in the codec's block of everyday characters."""
    common = count = position = 0
    end = len(data) - 1
    while position < end and count < 20_000:
        lead = data[position]
        if lead < 0x81:
            position += 1
            continue
        trail = data[position + 1]
        count += 1
        everyday = first <= lead <= last and (trail >= 0xA1 or (big5 and 0x40 <= trail <= 0x7E))
        punctuation = lead in (0xA1, 0xA3) and trail >= 0x40
        common += everyday or punctuation
        position += 2
    return common / count if count else 0.0


def blocks(path: Path, encoding: Encoding, separator: str | None = None, *, block: int = BLOCK) -> Iterator[Block]:
    """The text of ``path`` without its mark, in blocks that end at a line end. ``separator`` splits fields of bad lines."""
    if encoding.wide:
        yield from _wide_blocks(path, encoding, block)
        return
    scan = encoding.codec == "gb18030" and path.stat().st_size <= MIXED_SCAN_LIMIT
    for data in byte_blocks(path, encoding.bom, block):
        yield decode_block(data, encoding.codec, separator, scan=scan)


def byte_blocks(path: Path, skip: int = 0, block: int = BLOCK) -> Iterator[bytes]:
    """The bytes of ``path`` from ``skip`` on, in blocks that end at a line end."""
    with path.open("rb") as file:
        file.seek(skip)
        rest = b""
        while data := file.read(block):
            cut = data.rfind(b"\n") + 1
            if cut:  # the usual case copies a block once
                yield b"".join((rest, memoryview(data)[:cut]))
                rest = data[cut:]
                continue
            data = rest + data
            cut = _cut_at_return(data)
            if not cut and len(data) > LONGEST_LINE:
                raise Refused(
                    "line_too_long", "文件中有一行超过 64 MB，不是正常的数据表", "a single line is longer than 64 MiB"
                )
            rest = data[cut:]
            if cut:
                yield data[:cut]
        if rest:
            yield rest


def _cut_at_return(data: bytes) -> int:
    """Where to cut text whose lines end in a bare carriage return; the last byte may be half of CR LF."""
    return data.rfind(b"\r", 0, len(data) - 1) + 1


def decode_block(data: bytes, codec: str, separator: str | None, *, scan: bool = False) -> Block:
    """Decode whole lines; lines the codec cannot read are decoded field by field."""
    if not (scan and _UTF8_HAN.search(data)):
        try:
            return Block(data.decode(codec))
        except UnicodeDecodeError:
            pass
    out = Block("")
    parts: list[str] = []
    for line in data.splitlines(keepends=True):
        foreign = scan and _UTF8_HAN.search(line)
        if not foreign:
            try:
                parts.append(line.decode(codec))
                continue
            except UnicodeDecodeError:
                pass
        parts.append(_decode_line(line, codec, separator, out))
    out.text = "".join(parts)
    return out


def _decode_line(line: bytes, codec: str, separator: str | None, out: Block) -> str:
    cut = separator.encode(codec) if separator and separator.isascii() else None
    fields = line.split(cut) if cut else [line]
    texts = []
    for part in fields:
        text, foreign, damaged = _decode_field(part, codec)
        out.foreign += foreign
        out.damaged += damaged
        texts.append(text)
    return (separator or "").join(texts)


def _decode_field(part: bytes, codec: str) -> tuple[str, bool, bool]:
    """(text, read in another encoding, bytes lost). A field of UTF-8 Chinese in a GB file is read as UTF-8, and the reverse."""
    other = {"utf-8": "gb18030", "cp1252": "latin-1"}.get(codec, "utf-8")
    order = (other, codec) if codec == "gb18030" and _UTF8_HAN.search(part) else (codec, other)
    for candidate in order:
        try:
            return part.decode(candidate), candidate != codec and not part.isascii(), False
        except UnicodeDecodeError:
            continue
    return part.decode(codec, "replace"), False, True


def _wide_blocks(path: Path, encoding: Encoding, block: int) -> Iterator[Block]:
    decoder = codecs.getincrementaldecoder(encoding.codec)("replace")
    rest = ""
    with path.open("rb") as file:
        file.seek(encoding.bom)
        while True:
            data = file.read(block)
            text = rest + decoder.decode(data, final=not data)
            cut = len(text) if not data else text.rfind("\n") + 1
            if cut:
                yield Block(text[:cut], damaged=text.count("\ufffd", 0, cut))
            rest = text[cut:]
            if not data:
                return


def decisions(foreign: int, damaged: int, encoding: Encoding) -> list[Decision]:
    """What to say about fields in another encoding and about bytes that were lost."""
    out = []
    if foreign:
        out.append(
            Decision(
                "mixed_encoding",
                f"{foreign} fields were in another encoding than {encoding.name}",
                f"有 {foreign} 个单元格的编码与文件（{encoding.name}）不同，已按其实际编码读取",
            )
        )
    if damaged:
        out.append(
            Decision(
                "undecodable_bytes",
                f"{damaged} fields hold bytes that are no text in {encoding.name}; they read U+FFFD",
                f"有 {damaged} 个单元格含无法识别的字节，以“\ufffd”代替",
            )
        )
    return out
