"""JSON, JSON lines and GeoJSON to rows, by one declared rule.

Records are the longest list of objects in the document (named by its path). Inside a record an object is flattened to
dotted names (``person.name``), a list stays JSON text, numbers keep the digits they were written with, ``null`` is null.
A GeoJSON feature gives its properties and, as JSON text, its ``geometry``. Row numbers count records from 1; in JSON lines
they are the line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.readers import encoding as enc
from ingestion.readers.model import (
    DATA,
    TRUNCATED,
    Batch,
    Cell,
    Decision,
    FileProbe,
    RawResult,
    Refused,
    TableProbe,
    UnreadRow,
)

SAMPLE_ROWS = 50
BATCH_ROWS = 20_000
DEEPEST = 6
LARGEST_DOCUMENT = 400 << 20
MOST_COLUMNS = 20_000


class Number(str):
    """A JSON number, digit for digit as written."""

    __slots__ = ()


@dataclass(frozen=True)
class Record:
    """One record: row number, cells and kinds by column name; or what could not be parsed."""

    number: int
    cells: dict[str, Cell]
    kinds: dict[str, str]
    defect: str | None = None
    broken: str | None = None


_decoder = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=Number)


def parse(text: str) -> Any:
    """The document, numbers kept as written.

    Raises:
        json.JSONDecodeError, RecursionError: no JSON, or nested too deeply.
    """
    return _decoder.decode(text)


def flatten(value: Any, cells: dict[str, Cell], kinds: dict[str, str], prefix: str = "", depth: int = 0) -> None:
    """Put the leaves of ``value`` into ``cells`` under dotted names."""
    if isinstance(value, dict) and value and depth < 64:
        for key, inner in value.items():
            flatten(inner, cells, kinds, f"{prefix}.{key}" if prefix else str(key), depth + 1)
        return
    name = prefix or "value"
    cells[name], kind = leaf(value)
    if kind:
        kinds[name] = kind


def leaf(value: Any) -> tuple[Cell, str | None]:
    """(text, kind) of a JSON value that is not flattened."""
    if isinstance(value, Number):
        return str(value), "number"
    if isinstance(value, str):
        return value or None, None
    if value is None:
        return None, None
    if isinstance(value, bool):
        return ("true" if value else "false"), "bool"
    return json_text(value), None


def json_text(value: Any) -> str:
    """JSON text of a nested value, numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{json.dumps(str(k), ensure_ascii=False)}: {json_text(v)}" for k, v in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(json_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def read_text(path: Path) -> tuple[str, str]:
    """(whole text, name of its encoding) of a JSON file."""
    if path.stat().st_size > LARGEST_DOCUMENT:
        raise Refused("too_large", "JSON 文件过大，请改为每行一条记录（JSON Lines）", "a JSON document above 400 MiB")
    encoding = enc.detect(path)
    return "".join(block.text for block in enc.blocks(path, encoding)), encoding.name


def find_records(document: Any) -> tuple[list[Any], str]:
    """(records, path they stand at). A list of lists is a table whose first row is the header; one object is one record.

    Raises:
        Refused: the document holds no records.
    """
    if isinstance(document, list):
        return _rows_of_lists(document), "$"
    if not isinstance(document, dict):
        raise Refused("no_table", "JSON 中没有数据记录", "the document is a single value, not records")
    if document.get("type") == "FeatureCollection" and isinstance(document.get("features"), list):
        return [_feature(f) for f in document["features"]], "$.features"
    if document.get("type") == "Feature":
        return [_feature(document)], "$"
    columns = _columns(document)
    if columns is not None:
        return columns, "$"
    best = max(_lists(document, "$", 0), key=lambda item: len(item[0]), default=None)
    if best is not None:
        return _rows_of_lists(best[0]), best[1]
    return [document], "$"


def _lists(value: dict[str, Any], path: str, depth: int) -> Iterator[tuple[list[Any], str]]:
    for key, inner in value.items():
        if isinstance(inner, list) and inner and all(isinstance(item, dict) for item in inner):
            yield inner, f"{path}.{key}"
        elif isinstance(inner, dict) and depth < DEEPEST:
            yield from _lists(inner, f"{path}.{key}", depth + 1)


def _columns(document: dict[str, Any]) -> list[Any] | None:
    """Records of an object of equally long lists of plain values (one list per column)."""
    lists = list(document.values())
    if len(lists) < 2 or not all(
        isinstance(v, list) and v and not any(isinstance(i, (dict, list)) for i in v) for v in lists
    ):
        return None
    if len({len(v) for v in lists}) != 1:
        return None
    return [dict(zip(document, row, strict=True)) for row in zip(*lists, strict=True)]


def _rows_of_lists(records: list[Any]) -> list[Any]:
    if len(records) < 2 or not all(isinstance(r, list) for r in records):
        return records
    header = records[0]
    if (
        not header
        or not all(isinstance(c, str) and not isinstance(c, Number) for c in header)
        or len(set(header)) != len(header)
    ):
        return records
    return [
        {**dict(zip(header, row, strict=False)), **{f"+{n}": v for n, v in enumerate(row[len(header) :], 1)}}
        for row in records[1:]
    ]


def _feature(feature: Any) -> Any:
    if not isinstance(feature, dict):
        return feature
    out = dict(feature.get("properties") or {})
    if "id" in feature and "id" not in out:
        out["id"] = feature["id"]
    geometry = feature.get("geometry")
    out["geometry" if "geometry" not in out else "_geometry"] = (
        None if geometry is None else _Whole(json_text(geometry))
    )
    return out


class _Whole(str):
    """Text that is already JSON."""

    __slots__ = ()


def records(path: Path, file_format: str) -> tuple[Iterable[Record], str | None, str, list[Decision]]:
    """(records, crs or path, encoding name, decisions)."""
    if file_format == "jsonl":
        encoding = enc.detect(path)
        return _line_records(path, encoding), None, encoding.name, []
    text, name = read_text(path)
    try:
        document = parse(text)
        found, where = find_records(document)
    except RecursionError as error:
        raise Refused("too_deep", "JSON 嵌套过深，拒绝读取", "JSON nested too deeply") from error
    except ValueError as error:
        raise Refused("corrupt", "JSON 内容不完整或有语法错误，无法读取", f"not valid JSON: {error}") from error
    decisions = [] if where == "$" else [Decision("records_path", f"records stand at {where}", f"数据记录位于 {where}")]
    crs = document.get("crs") if isinstance(document, dict) else None
    if crs:
        decisions.append(
            Decision("crs", f"declared coordinate system: {json_text(crs)}", f"文件声明的坐标系：{json_text(crs)}")
        )
    return (_record(number, value) for number, value in enumerate(found, 1)), where, name, decisions


def _record(number: int, value: Any) -> Record:
    cells: dict[str, Cell] = {}
    kinds: dict[str, str] = {}
    try:
        flatten(value, cells, kinds)
    except RecursionError:
        return Record(number, {}, {}, TRUNCATED, "nested too deeply")
    return Record(number, cells, kinds)


def _line_records(path: Path, encoding: enc.Encoding) -> Iterator[Record]:
    number = 0
    for block in enc.blocks(path, encoding):
        for raw in block.text.split("\n") if block.text else []:
            number += 1
            line = raw.strip()
            if not line:
                continue
            try:
                yield _record(number, parse(line))
            except (ValueError, RecursionError):
                yield _broken(number, line)
        if block.text.endswith("\n"):
            number -= 1


def _broken(number: int, line: str) -> Record:
    """A line that is no JSON: what stands before the damage is kept as far as it can be read."""
    cells: dict[str, Cell] = {}
    kinds: dict[str, str] = {}
    rescued = rescue(line)
    if isinstance(rescued, dict):
        flatten(rescued, cells, kinds)
    return Record(number, cells, kinds, TRUNCATED, line)


def rescue(line: str) -> Any:
    """The members of a cut JSON object that are whole: cut back to the last member that closes, then close what is open."""
    cut = len(line)
    for _ in range(200):
        cut = max(line.rfind(",", 0, cut), line.rfind("}", 0, cut), line.rfind("]", 0, cut))
        if cut <= 0:
            return None
        closed = _close(line[: cut + 1].rstrip(","))
        if closed is None:
            continue
        try:
            return parse(closed)
        except (ValueError, RecursionError):
            continue
    return None


def _close(text: str) -> str | None:
    stack: list[str] = []
    inside = escaped = False
    for ch in text:
        if inside:
            inside, escaped = (escaped or ch != '"'), (ch == "\\" and not escaped)
        elif ch == '"':
            inside = True
        elif ch in "{[":
            stack.append("}" if ch == "{" else "]")
        elif ch in "}]" and (not stack or stack.pop() != ch):
            return None
    return None if inside else text + "".join(reversed(stack))


def probe(path: Path, file_format: str) -> FileProbe:
    """One table. All records are looked at, so that a column that appears late is not lost."""
    found, _, encoding, decisions = records(path, file_format)
    columns: dict[str, None] = {}
    sample: list[dict[str, Cell]] = []
    count = 0
    for record in found:
        count += 1
        for name in record.cells:
            columns.setdefault(name)
        if len(columns) > MOST_COLUMNS:
            raise Refused(
                "too_many_columns",
                "JSON 记录的字段过多，不是规则的数据表",
                f"more than {MOST_COLUMNS} distinct members",
            )
        if len(sample) < SAMPLE_ROWS:
            sample.append(record.cells)
    if file_format == "jsonl" and count and not columns:
        raise Refused("corrupt", "文件不是有效的 JSON Lines", "no line is valid JSON")
    names = tuple(columns)
    table = TableProbe(
        0, None, names, (), count, False, [[row.get(name) for name in names] for row in sample], (), (), header=names
    )
    return FileProbe(path, file_format, encoding, None, (table,), tuple(decisions))


def batches(path: Path, file_format: str, table: TableProbe, result: RawResult) -> Iterator[Batch]:
    """The records, batch by batch; broken lines are data rows with the defect ``truncated`` and are listed as unread."""
    found, _, _, _ = records(path, file_format)
    buffer: list[Record] = []
    for record in found:
        if record.broken is not None:
            result.add_unread(
                UnreadRow(
                    None,
                    record.number,
                    (record.broken[:2_000],),
                    "这一行不是完整的 JSON，只保留了能读出的部分",
                    "the line is not whole JSON; what could be read was kept",
                )
            )
        buffer.append(record)
        if len(buffer) >= BATCH_ROWS:
            yield _to_batch(buffer, table.columns)
            buffer = []
    if buffer:
        yield _to_batch(buffer, table.columns)


def _to_batch(buffer: list[Record], names: tuple[str, ...]) -> Batch:
    columns = [[record.cells.get(name) for record in buffer] for name in names]
    kinds: list[list[str | None] | None] = []
    for name in names:
        kind = [record.kinds.get(name) for record in buffer]
        kinds.append(kind if any(kind) else None)
    defects = [record.defect for record in buffer]
    return Batch(
        [r.number for r in buffer],
        [DATA] * len(buffer),
        columns,
        kinds if any(kinds) else None,
        None,
        defects if any(defects) else None,
    )
