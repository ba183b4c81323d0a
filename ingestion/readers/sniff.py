"""Which format a file is in, by its bytes. The suffix is never believed; it only names what a refusal talks about."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path

from ingestion.readers import dbf
from ingestion.readers import encoding as enc
from ingestion.readers.model import Refused

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
BIFF = (b"\x09\x08", b"\x09\x04", b"\x09\x02", b"\x09\x00\x04\x00")
HEAD = 64 << 10
_ENCRYPTED, _ENCRYPTION = "EncryptedPackage".encode("utf-16-le"), "EncryptionInfo".encode("utf-16-le")

_NOT_TABLES: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "PDF", "PDF"),
    (b"Rar!\x1a\x07", "RAR 压缩包", "RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "7z 压缩包", "7z archive"),
    (b"\x89PNG\r\n\x1a\n", "图片", "PNG image"),
    (b"\xff\xd8\xff", "图片", "JPEG image"),
    (b"GIF8", "图片", "GIF image"),
    (b"MZ", "程序文件", "Windows program"),
    (b"\x7fELF", "程序文件", "ELF program"),
    (b"SQLite format 3\x00", "SQLite 数据库", "SQLite database"),
    (b"BZh", "bz2 压缩文件", "bzip2 file"),
    (b"\xfd7zXZ\x00", "xz 压缩文件", "xz file"),
    (b"\x28\xb5\x2f\xfd", "zstd 压缩文件", "zstd file"),
    (b"\x00\x01\x00\x00Standard Jet DB", "Access 数据库", "Access database"),
    (b"\x00\x01\x00\x00Standard ACE DB", "Access 数据库", "Access database"),
    (b"{\\rtf", "RTF 文档", "RTF document"),
    (b"\xbe\x00\x00\x00\xab", "Word 文档", "Word document"),
)
_HTML = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!DOCTYPE\s+html|html|table|head|meta)\b", re.IGNORECASE)
_XML = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:\?xml|!DOCTYPE|!ENTITY)\b", re.IGNORECASE)


def sniff(path: Path) -> str:
    """The format of ``path``: csv, xls, xlsx, xlsm, xlsb, ods, dbf, json, jsonl, geojson, parquet,
    html (a page, perhaps named .xls), xmlss (XML Spreadsheet 2003), zip or gz.

    Raises:
        Refused: empty, no ordinary file, or a format that holds no tables.
    """
    size = _size(path)
    with path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(max(size - 16, 0))
        tail = file.read(16)
    if head[:4] == b"PAR1":
        if tail.endswith((b"PAR1", b"PARE")):
            return "parquet"
        raise Refused("corrupt", "Parquet 文件不完整", "a parquet file without its footer")
    if head[:4] == b"PARE":
        raise Refused("encrypted", "Parquet 文件已加密", "an encrypted parquet file")
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"PK00"):
        return _zip_kind(path, head)
    if head[:2] == b"\x1f\x8b":
        return "gz"
    if head[:8] == OLE:
        return _ole_kind(path, size)
    if (
        head[:2] in BIFF[:3] and len(head) > 8 and head[2:4] in (b"\x10\x00", b"\x08\x00", b"\x06\x00", b"\x04\x00")
    ) or head[:4] == BIFF[3]:
        raise Refused(
            "too_old",
            "这是 Excel 4.0 或更早的文件，请另存为 xlsx 后重新报送",
            "a BIFF2-4 worksheet, older than Excel 5",
        )
    for magic, zh, en in _NOT_TABLES:
        if head.startswith(magic) and not (magic in (b"MZ", b"BZh", b"GIF8") and _is_text(head)):
            raise Refused("not_a_table", f"这是{zh}，不是数据表", f"a {en}, not a table")
    if dbf.looks_like(head, size):
        return "dbf"
    return _text_kind(path, head)


def _ole_kind(path: Path, size: int) -> str:
    """An old workbook, or an encrypted new one in the same kind of container, or no workbook at all."""
    with path.open("rb") as file:
        data = file.read(min(size, 64 << 20))
    if _ENCRYPTED in data or _ENCRYPTION in data:
        raise Refused("encrypted", "文件有打开密码，请取消密码后重新报送", "an encrypted package in an OLE container")
    if not any(
        name.encode("utf-16-le") in data for name in ("Workbook", "Book", "WORKBOOK", "BOOK", "workbook", "WorkBook")
    ):
        for name, zh in (
            ("WordDocument", "Word 文档"),
            ("PowerPoint Document", "PPT 文档"),
            ("__properties_version1.0", "Outlook 邮件"),
        ):
            if name.encode("utf-16-le") in data:
                raise Refused("not_a_table", f"这是 {zh}，不是数据表", f"an OLE file holding {name}")
        raise Refused(
            "protected_or_damaged",
            "文件有打开密码或已损坏，请取消密码后重新导出",
            "an OLE container without a workbook: protected by a password, or damaged",
        )
    return "xls"


def _size(path: Path) -> int:
    if path.is_symlink():
        raise Refused("symlink", "符号链接不读取", "a symbolic link")
    if not path.is_file():
        raise Refused("not_a_file", "不是普通文件，不读取", "not an ordinary file")
    size = path.stat().st_size
    if not size:
        raise Refused("empty", "文件是空的（0 字节）", "zero bytes")
    return size


def _zip_kind(path: Path, head: bytes) -> str:
    if not zipfile.is_zipfile(path):
        raise Refused(
            "corrupt",
            "文件不完整或已损坏（压缩结构被截断），请重新导出或重新上传",
            "starts like a zip but has no directory: cut off or damaged",
        )
    try:
        with zipfile.ZipFile(path) as package:
            names = {name.lower().replace("\\", "/").lstrip("/") for name in package.namelist()[:100_000]}
            kind = _mimetype(package) if "mimetype" in names else ""
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error) as error:
        raise Refused("corrupt", "压缩结构已损坏，无法打开", f"damaged zip: {error}") from error
    if "opendocument.spreadsheet" in kind or ("content.xml" in names and "meta-inf/manifest.xml" in names and not kind):
        return "ods"
    if kind.startswith("application/vnd.oasis"):
        raise Refused("not_a_table", "这是文档，不是电子表格", f"an OpenDocument file, but {kind}")
    if any(name.endswith("workbook.bin") for name in names) and "[content_types].xml" in names:
        return "xlsb"
    if any(name.endswith("workbook.xml") for name in names):
        return "xlsm" if any(name.endswith("vbaproject.bin") for name in names) else "xlsx"
    if any(name in ("word/document.xml", "ppt/presentation.xml") for name in names):
        raise Refused("not_a_table", "这是 Word 或 PPT 文档，不是数据表", "an office document without sheets")
    if "[content_types].xml" in names:
        return "xlsx"
    return "zip"


def _mimetype(package: zipfile.ZipFile) -> str:
    with package.open("mimetype") as part:
        return part.read(200).decode("ascii", "replace").strip()


def _is_text(head: bytes) -> bool:
    return b"\x00" not in head[:512] and not any(1 < byte < 9 for byte in head[:512])


def _text_kind(path: Path, head: bytes) -> str:
    encoding = enc.detect_bytes([head])
    if not encoding.wide and _is_binary(head):
        raise Refused("binary", "文件是二进制内容，不是可识别的数据表格式", "binary content of no known format")
    text = head[encoding.bom :].decode(encoding.codec, "replace").lstrip("\ufeff \t\r\n")
    if _HTML.match(text[:200].encode()):
        return "html"
    if _XML.match(text[:200].encode()):
        if "schemas-microsoft-com:office:spreadsheet" in text[:4_000]:
            return "xmlss"
        if re.search(r"<html\b", text[:4_000], re.IGNORECASE):
            return "html"
        raise Refused("xml", "这是 XML 文件，不是受支持的数据表", "an XML file")
    return _json_kind(text) or "csv"


def _is_binary(head: bytes) -> bool:
    """Control bytes that no text has, in numbers."""
    sample = head[:8_192]
    control = sum(sample.count(bytes([b])) for b in (*range(2, 9), *range(14, 27)))
    return sample.count(0) > 0.1 * len(sample) or control > 0.05 * len(sample)


def _json_kind(text: str) -> str | None:
    """json, jsonl or geojson when the text starts like one, else None."""
    if not text or text[0] not in "[{":
        return None
    first, _, rest = text.partition("\n")
    first = first.strip()
    if first.startswith("{") and _whole(first):
        following = rest.lstrip()
        if following.startswith("{"):
            return "jsonl"
        if not following:
            return "geojson" if '"FeatureCollection"' in first[:2_000] or _is_geo(first) else "json"
    if not re.match(r'(?:\[\s*(?:[\[{"\-\dtfn\]]|$)|\{\s*(?:"|\}|$))', text):
        return None
    if text[0] == "[" and not _starts_json(text):
        return None
    return "geojson" if _is_geo(text) else "json"


def _whole(line: str) -> bool:
    import json

    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _starts_json(text: str) -> bool:
    """Whether text that starts with a bracket goes on as a JSON list (and is no row such as ``[a],[b]``)."""
    import json

    try:
        json.JSONDecoder().raw_decode(text)
    except ValueError as error:
        position = getattr(error, "pos", 0)
        return position > 0.5 * len(text) or position > 2_000
    except RecursionError:
        return True
    return True


def _is_geo(text: str) -> bool:
    return bool(re.search(r'"type"\s*:\s*"FeatureCollection"', text[:20_000]))
