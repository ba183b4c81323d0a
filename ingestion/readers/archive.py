"""Archives (zip, gz): members out into a folder, bounded, names in the right encoding, nothing outside the folder.

A zip made on a Chinese Windows stores its names in GBK without saying so. A member that is unsafe, encrypted or too large
is named with its reason and skipped; the others are taken. One archive inside an archive is opened, deeper ones are not.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ingestion.readers.model import Refused

if TYPE_CHECKING:
    import zipfile

MOST_MEMBERS = 2_000
MEMBER_LIMIT = 4 << 30
TOTAL_LIMIT = 8 << 30
RATIO_LIMIT = 250
RATIO_FREE = 64 << 20
DEEPEST = 2
_PIECE = 1 << 20
_NOISE_NAMES = {
    ".ds_store": "macOS 的系统文件",
    "thumbs.db": "Windows 的缩略图缓存",
    "desktop.ini": "Windows 的文件夹设置",
    "ehthumbs.db": "Windows 的缩略图缓存",
}


@dataclass(frozen=True)
class Member:
    """One member. ``name``: its path inside the archive, `outer/inner.csv` for a nested one; ``path``: where its bytes
    are, or None with the reason when it was skipped."""

    name: str
    path: Path | None
    sha256: str | None = None
    size: int = 0
    code: str | None = None
    reason_zh: str | None = None
    reason_en: str | None = None


def is_noise(name: str, size: int) -> str | None:
    """Why a file is noise (a clerk's words), or None: lock files, system files, zero bytes. ``name`` may hold folders."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    leaf = parts[-1] if parts else name
    if "__MACOSX" in parts:
        return "macOS 压缩时附带的系统文件"
    if leaf.startswith(("~$", ".~lock.", ".~")):
        return "Office 打开文件时的临时锁文件"
    if leaf.startswith("._"):
        return "macOS 的系统文件"
    if reason := _NOISE_NAMES.get(leaf.lower()):
        return reason
    if leaf.lower().endswith((".tmp", ".crdownload", ".part", ".partial")):
        return "未完成的临时文件"
    return "空文件（0 字节）" if size == 0 else None


def expand(path: Path, into: Path) -> list[Member]:
    """Unpack the zip or gz at ``path`` into the folder ``into``.

    Raises:
        Refused: the archive itself cannot be read, or is a bomb.
    """
    budget = _Budget()
    return list(_expand(path, into, "", budget, 1))


class _Budget:
    """What is left of the archive's total size and number of members."""

    def __init__(self) -> None:
        self.bytes, self.members = TOTAL_LIMIT, MOST_MEMBERS
        self.count = 0

    def take(self, size: int) -> None:
        self.bytes -= size
        if self.bytes < 0:
            raise _bomb("the members together unpack to more than the limit")

    def next_file(self, into: Path) -> Path:
        self.count += 1
        if self.count > self.members:
            raise Refused(
                "too_many_members", f"压缩包内文件超过 {MOST_MEMBERS} 个，拒绝读取", f"more than {MOST_MEMBERS} members"
            )
        return into / f"{self.count:05d}"


def _bomb(detail: str) -> Refused:
    return Refused("archive_bomb", "压缩包解压后异常巨大，拒绝读取", detail)


def _expand(path: Path, into: Path, prefix: str, budget: _Budget, depth: int) -> Iterator[Member]:
    with path.open("rb") as file:
        magic = file.read(2)
    if magic == b"\x1f\x8b":
        yield from _gunzip(path, into, prefix, budget, depth)
    else:
        yield from _unzip(path, into, prefix, budget, depth)


def _unzip(path: Path, into: Path, prefix: str, budget: _Budget, depth: int) -> Iterator[Member]:
    import zipfile

    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, EOFError) as error:
        raise Refused("corrupt", "压缩包已损坏，无法打开", f"damaged zip: {error}") from error
    with archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            name = member_name(info)
            if skipped := _unsafe(info, name):
                yield Member(prefix + name, None, None, info.file_size, *skipped)
            elif reason := is_noise(name, info.file_size):
                yield Member(prefix + name, None, None, info.file_size, "noise", reason, "system or empty file")
            else:
                member = _unpack(archive, info, prefix + name, into, budget)
                yield from _open_nested(member, into, budget, depth)


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, full: str, into: Path, budget: _Budget) -> Member:
    import zipfile

    target = budget.next_file(into)
    try:
        with archive.open(info) as source:
            sha, size = _copy(source, target, info.compress_size, budget)
    except Refused:
        target.unlink(missing_ok=True)
        raise
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zlib.error) as error:
        target.unlink(missing_ok=True)
        zh = "压缩包内的这个文件已损坏，无法解压"
        return Member(full, None, None, info.file_size, "corrupt", zh, f"cannot unpack: {error}")
    return Member(full, target, sha, size)


def _unsafe(info: zipfile.ZipInfo, name: str) -> tuple[str, str, str] | None:
    """(code, reason) of a member that must not be unpacked."""
    pure = PurePosixPath(name)
    if name.startswith("/") or ".." in pure.parts or (len(name) > 1 and name[1] == ":") or "\x00" in name:
        return "path_traversal", "文件路径指向压缩包以外，不安全，已拒绝", "the member's path leaves the archive"
    if info.external_attr >> 16 & 0o170000 == 0o120000:
        return "symlink", "压缩包内的符号链接，已拒绝", "a symbolic link"
    if info.flag_bits & 1:
        return "encrypted", "压缩包设有密码，请取消密码后重新报送", "the member is encrypted"
    if info.file_size > MEMBER_LIMIT or (
        info.file_size > RATIO_FREE and info.file_size > RATIO_LIMIT * max(info.compress_size, 1)
    ):
        return (
            "archive_bomb",
            "压缩内容异常（解压后过大），已拒绝",
            f"declares {info.file_size} bytes out of {info.compress_size}",
        )
    return None


def _copy(source: object, target: Path, packed: int, budget: _Budget) -> tuple[str, int]:
    """(SHA-256, size) of what was unpacked; stops at the limits whatever the archive declared."""
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as out:
        while data := source.read(_PIECE):  # type: ignore[attr-defined]
            size += len(data)
            budget.take(len(data))
            if size > MEMBER_LIMIT or (size > RATIO_FREE and size > RATIO_LIMIT * max(packed, 1)):
                raise _bomb(f"a member unpacks to more than {size} bytes out of {packed}")
            digest.update(data)
            out.write(data)
    return digest.hexdigest(), size


def _open_nested(member: Member, into: Path, budget: _Budget, depth: int) -> Iterator[Member]:
    path = member.path
    if path is None or not is_archive(path):
        yield member
        return
    if depth >= DEEPEST:
        yield Member(
            member.name,
            None,
            member.sha256,
            member.size,
            "nested_too_deep",
            "压缩包嵌套过深，只打开一层内层压缩包",
            "archives nested deeper than one level",
        )
        return
    try:
        inner = list(_expand(path, into, f"{member.name}/", budget, depth + 1))
    except Refused as refused:
        if refused.code in ("archive_bomb", "too_many_members"):
            raise
        yield Member(member.name, None, member.sha256, member.size, refused.code, refused.reason_zh, refused.reason_en)
        return
    finally:
        path.unlink(missing_ok=True)
    yield from inner


def is_archive(path: Path, name: str = "") -> bool:
    """Whether ``path`` holds a zip that is no workbook, or a gz; by its bytes (``name`` is not needed)."""
    import zipfile

    with path.open("rb") as file:
        magic = file.read(4)
    if magic[:2] == b"\x1f\x8b":
        return True
    if magic[:4] not in (b"PK\x03\x04", b"PK\x05\x06", b"PK00", b"PK\x07\x08") or not zipfile.is_zipfile(path):
        return False
    from ingestion.readers.sniff import sniff

    try:
        return sniff(path) == "zip"
    except Refused:
        return False


def _gunzip(path: Path, into: Path, prefix: str, budget: _Budget, depth: int) -> Iterator[Member]:
    import gzip

    name = _gz_name(path) or (PurePosixPath(prefix.rstrip("/")).stem if prefix else "content")
    target = budget.next_file(into)
    try:
        with gzip.open(path) as source:
            sha, size = _copy(source, target, path.stat().st_size, budget)
    except (OSError, EOFError, zlib.error) as error:
        target.unlink(missing_ok=True)
        raise Refused("corrupt", "gz 文件已损坏或不完整", f"damaged gzip: {error}") from error
    if reason := is_noise(name, size):
        target.unlink(missing_ok=True)
        yield Member(prefix + name, None, None, size, "noise", reason, "system or empty file")
        return
    yield from _open_nested(Member(prefix + name, target, sha, size), into, budget, depth)


def _gz_name(path: Path) -> str | None:
    """The name stored in a gzip header, without folders."""
    with path.open("rb") as file:
        head = file.read(4_096)
    if len(head) < 10 or not head[3] & 8:
        return None
    start = 10
    if head[3] & 4:
        start += 2 + struct.unpack_from("<H", head, 10)[0]
    end = head.find(b"\x00", start)
    raw = head[start:end] if end > start else b""
    return PurePosixPath(_decode_name(raw).replace("\\", "/")).name or None


def member_name(info: zipfile.ZipInfo) -> str:
    """The member's name: UTF-8 when the zip says so, the 0x7075 extra field, or UTF-8 or GB18030 by its bytes."""
    if info.flag_bits & 0x800:
        return info.filename.replace("\\", "/")
    try:
        raw = info.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename.replace("\\", "/")
    name = _unicode_extra(info.extra, raw) or _decode_name(raw)
    return name.split("\x00")[0].replace("\\", "/")


def _unicode_extra(extra: bytes, raw: bytes) -> str | None:
    position = 0
    while position + 4 <= len(extra):
        field, length = struct.unpack_from("<HH", extra, position)
        body = extra[position + 4 : position + 4 + length]
        if field == 0x7075 and len(body) > 5 and struct.unpack_from("<I", body, 1)[0] == zlib.crc32(raw):
            return body[5:].decode("utf-8", "replace")
        position += 4 + length
    return None


def _decode_name(raw: bytes) -> str:
    for codec in ("utf-8", "gb18030", "big5hkscs"):
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    return raw.decode("cp437")
