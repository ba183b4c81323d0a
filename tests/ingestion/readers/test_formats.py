"""DBF, JSON, Parquet, archives, and what is refused: one file of each kind, written here."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import os
import struct
import subprocess
import sys
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.readers import Refused, expand, is_archive, is_noise, iter_tables, probe, read_first, report
from tests.ingestion.readers.helpers import cells_of, raw_of


def dbf_bytes(
    fields: list[tuple[str, str, int, int]],
    records: list[list[str]],
    *,
    encoding: str = "gb18030",
    mark: int = 0,
    deleted: tuple[int, ...] = (),
) -> bytes:
    head = b"".join(
        name.encode(encoding)[:11].ljust(11, b"\0") + kind.encode() + b"\0" * 4 + bytes([length, decimals]) + b"\0" * 14
        for name, kind, length, decimals in fields
    )
    size = 1 + sum(length for _, _, length, _ in fields)
    out = (
        bytes([3, 126, 10, 31])
        + struct.pack("<IHH", len(records), 32 + len(head) + 1, size)
        + b"\0" * 17
        + bytes([mark])
        + b"\0" * 2
        + head
        + b"\r"
    )
    for n, record in enumerate(records):
        cells = [value.encode(encoding)[:length] for value, (_, _, length, _) in zip(record, fields, strict=True)]
        padded = [
            cell.rjust(length) if kind == "N" else cell.ljust(length)
            for cell, (_, kind, length, _) in zip(cells, fields, strict=True)
        ]
        out += (b"*" if n in deleted else b" ") + b"".join(padded)
    return out + b"\x1a"


FIELDS = [
    ("房屋编码", "C", 20, 0),
    ("坐落", "C", 30, 0),
    ("面积", "N", 9, 2),
    ("登记日期", "D", 8, 0),
    ("有效", "L", 1, 0),
]


@pytest.mark.parametrize("mark", [0, 0x03, 0x4D, 0x57])
def test_dbf_in_gbk_whatever_it_says(tmp_path: Path, mark: int) -> None:
    path = tmp_path / "t.dbf"
    path.write_bytes(
        dbf_bytes(
            FIELDS,
            [
                ["3706", "烟台市䶮路1号", "92.11", "20250831", "T"],
                ["3707", " 前空格", "", "", "?"],
                ["3708", "", "-1", "20251340", "F"],
            ],
            mark=mark,
            deleted=(1,),
        )
    )
    table, result, frame = raw_of(path, tmp_path / "raw.parquet")
    assert table.columns == ("房屋编码", "坐落", "面积", "登记日期", "有效")
    assert frame.select("row_number", "row_kind", *table.columns).rows() == [
        (1, "data", "3706", "烟台市䶮路1号", "92.11", "2025-08-31", "T"), (2, "deleted", "3707", " 前空格", None, None, None), (3, "data", "3708", None, "-1", "20251340", "F"),
    ]  # fmt: skip
    assert json.loads(frame["_kinds"][0]) == {"面积": "number", "登记日期": "date", "有效": "bool"}
    assert result.rows_by_kind["deleted"] == 1
    assert [u.row_number for u in result.unread] == [3]


def test_dbf_character_cut_by_the_field_width(tmp_path: Path) -> None:
    path = tmp_path / "t.dbf"
    path.write_bytes(dbf_bytes([("名称", "C", 5, 0), ("数", "N", 3, 0)], [["一二三", "1"], ["好", "2"]]))
    _, _, frame = raw_of(path, tmp_path / "raw.parquet")
    assert frame["名称"].to_list() == ["一二", "好"]
    assert frame["_defect"].to_list() == ["truncated", None]


def test_dbf_shorter_than_it_says(tmp_path: Path) -> None:
    path = tmp_path / "t.dbf"
    path.write_bytes(dbf_bytes(FIELDS, [["1", "甲", "1", "20250101", "T"]] * 5)[:-100])
    assert "records_missing" in {d.code for d in probe(path).decisions}
    assert read_first(path).table.estimated_rows == 3


JSON_VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(st.sampled_from('王伟ab"\\ \n,.'), max_size=6)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["甲", "乙", "c"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {
            k: v
            for name, inner in value.items()
            for k, v in flat(inner, f"{prefix}.{name}" if prefix else name).items()
        }
    if isinstance(value, (dict, list)):
        return {prefix: json.dumps(value, ensure_ascii=False)}
    if isinstance(value, bool):
        return {prefix: str(value).lower()}
    return {prefix: None if value in (None, "") else str(value)}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.fixed_dictionaries({"id": st.integers(1, 99), "数值": JSON_VALUE}), min_size=2, max_size=8),
    st.sampled_from(["lines", "array", "nested"]),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]),
)
def test_json_records_come_back(tmp_path: Path, records: list[dict[str, Any]], shape: str, encoding: str) -> None:
    lines = "\n".join(json.dumps(r, ensure_ascii=False) for r in records)
    text = {
        "lines": lines + "\n",
        "array": json.dumps(records, ensure_ascii=False, indent=1),
        "nested": json.dumps({"code": 0, "data": {"total": 1, "list": records}}, ensure_ascii=False),
    }[shape]
    path = tmp_path / "t.json"
    path.write_bytes(text.encode(encoding))
    table, _, frame = raw_of(path, tmp_path / "raw.parquet")
    expected = [flat(record) for record in records]
    assert [{k: v for k, v in row.items() if v is not None} for row in frame.select(table.columns).to_dicts()] == [
        {k: v for k, v in row.items() if v is not None} for row in expected
    ]
    assert frame["row_number"].to_list() == list(range(1, len(records) + 1))


def test_json_numbers_keep_their_digits_and_kinds(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(
        '{"id": 370602199001011234, "x": 1.10, "ok": true, "n": null}\n\n{"id": 1, "x": 2E5, "ok": false, "late": "甲"}\n{"id": 3, "x": 1, "ok": tr',
        encoding="utf-8",
    )
    table, result, frame = raw_of(path, tmp_path / "raw.parquet")
    assert table.columns == ("id", "x", "ok", "n", "late")
    assert cells_of(frame, table.columns) == [
        ("370602199001011234", "1.10", "true", None, None),
        ("1", "2E5", "false", None, "甲"),
        ("3", "1", None, None, None),
    ]
    assert frame["row_number"].to_list() == [1, 3, 4]
    assert json.loads(frame["_kinds"][0]) == {"id": "number", "x": "number", "ok": "bool"}
    assert frame["_defect"].to_list() == [None, None, "truncated"]
    assert [u.row_number for u in result.unread] == [4]


def test_geojson_gives_properties_and_geometry(tmp_path: Path) -> None:
    path = tmp_path / "t.geojson"
    path.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "properties": {"网格编码": "01", "员": None},
                        "geometry": {"type": "Point", "coordinates": [121.5, 37.25]},
                    },
                    {"type": "Feature", "properties": {"网格编码": "02"}, "geometry": None},
                ],
            },
            ensure_ascii=False,
        ),
        encoding="utf-8",
    )
    table, _, frame = raw_of(path, tmp_path / "raw.parquet")
    assert probe(path).format == "geojson"
    assert cells_of(frame, ("网格编码", "geometry")) == [
        ("01", '{"type": "Point", "coordinates": [121.5, 37.25]}'),
        ("02", None),
    ]
    assert table.sheet is None


def test_other_json_shapes(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    for text, columns, rows in (
        ('[["姓名","年龄"],["王",80],["李",81]]', ("姓名", "年龄"), [["王", "80"], ["李", "81"]]),
        ('{"a":[1,2],"b":["x","y"]}', ("a", "b"), [["1", "x"], ["2", "y"]]),
        ('{"name":"王","tags":[1,2]}', ("name", "tags"), [["王", "[1, 2]"]]),
    ):
        path.write_text(text, encoding="utf-8")
        table = read_first(path)
        assert table.table.columns == columns
        assert [row.cells for row in table.rows()] == rows
    path.write_text('{"a": [1, 2', encoding="utf-8")
    with pytest.raises(Refused):
        probe(path)
    path.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(Refused):
        probe(path)


def test_parquet_values_become_text(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame(
        {
            "n": [1, None],
            "f": [1.5, 2.0],
            "t": ["x", ""],
            "d": [dt.date(2026, 1, 2), None],
            "m": [Decimal("1.20"), None],
            "l": [[1, 2], None],
            "s": [{"a": 1}, None],
        }
    ).write_parquet(path)
    table, _, frame = raw_of(path, tmp_path / "raw.parquet")
    assert cells_of(frame, table.columns) == [
        ("1", "1.5", "x", "2026-01-02", "1.20", "[1, 2]", '{"a": 1}'),
        (None, "2", "", None, None, None, None),
    ]
    assert json.loads(frame["_kinds"][0]) == {"n": "number", "f": "number", "d": "date", "m": "number"}


class GbkInfo(zipfile.ZipInfo):
    """A member whose name is stored in GBK without a word about it, as on a Chinese Windows."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - the library's own hook
        return self.filename.encode("gb18030"), self.flag_bits


def zip_bytes(members: dict[str, bytes], *, gbk: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = (GbkInfo if gbk else zipfile.ZipInfo)(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out.getvalue()


def test_archive_names_nesting_and_noise(tmp_path: Path) -> None:
    inner = zip_bytes({"里.csv": b"a,b\n1,2\n"})
    deeper = zip_bytes({"again.zip": inner})
    path = tmp_path / "t.zip"
    path.write_bytes(
        zip_bytes(
            {
                "医保/数据.csv": b"x",
                "内.zip": inner,
                "深.zip": deeper,
                "__MACOSX/._数据.csv": b"x",
                "空.csv": b"",
                "b.csv.gz": gzip.compress(b"a\n1\n"),
            },
            gbk=True,
        )
    )
    assert is_archive(path)
    members = {m.name: m for m in expand(path, tmp_path)}
    assert {name: m.code for name, m in members.items()} == {
        "医保/数据.csv": None,
        "内.zip/里.csv": None,
        "深.zip/again.zip": "nested_too_deep",
        "__MACOSX/._数据.csv": "noise",
        "空.csv": "noise",
        "b.csv.gz/b.csv": None,
    }
    assert members["内.zip/里.csv"].path is not None
    assert members["内.zip/里.csv"].path.read_bytes() == b"a,b\n1,2\n"
    assert all(m.path is None or m.path.parent == tmp_path for m in members.values())


def test_archive_that_is_hostile(tmp_path: Path) -> None:
    path = tmp_path / "t.zip"
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../etc/x.csv", "a")
        archive.writestr("C:/x.csv", "a")
        archive.writestr("/abs.csv", "a")
        archive.writestr(link, "/etc/passwd")
        archive.writestr("good.csv", "a,b\n1,2\n")
    members = expand(path, tmp_path)
    assert [m.code for m in members] == ["path_traversal", "path_traversal", "path_traversal", "symlink", None]
    assert all(m.reason_zh for m in members if m.code)
    bomb = tmp_path / "bomb.gz"
    with gzip.open(bomb, "wb", 9) as out:
        for _ in range(100):
            out.write(b"\0" * (1 << 20))
    with pytest.raises(Refused) as refused:
        expand(bomb, tmp_path)
    assert refused.value.code == "archive_bomb"
    damaged = tmp_path / "d.gz"
    damaged.write_bytes(gzip.compress(os.urandom(5_000))[:-2_000])
    with pytest.raises(Refused):
        expand(damaged, tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "~$名册.xlsx",
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
        "__MACOSX/x.csv",
        "._x.csv",
        ".~lock.a.ods#",
        "a.crdownload",
    ],
)
def test_noise_is_named(name: str) -> None:
    assert is_noise(name, 100)


def test_no_noise() -> None:
    assert is_noise("名册.xlsx", 100) is None
    assert is_noise("名册.xlsx", 0)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"%PDF-1.4 x", "not_a_table"),
        (b"<html><p>expired</p></html>", "html"),
        (b"<html><table><tr><td></td></tr></table></html>", "html"),
        (b"<?xml version='1.0'?><a/>", "xml"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "protected_or_damaged"),
        (b"PK\x03\x04 broken", "corrupt"),
        (b"PAR1 broken", "corrupt"),
        (os.urandom(4_000), "binary"),
        (b"7z\xbc\xaf\x27\x1c\0\0", "not_a_table"),
        (b"\x1f\x8b\x08\0", "archive"),
    ],
)
def test_what_is_no_table_says_so(tmp_path: Path, data: bytes, code: str) -> None:
    path = tmp_path / "file.xlsx"
    path.write_bytes(data)
    with pytest.raises(Refused) as refused:
        probe(path)
    assert refused.value.code == code
    assert refused.value.reason_zh
    assert refused.value.reason_en


def test_symlinks_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "t.csv")
    with pytest.raises(Refused) as refused:
        probe(tmp_path / "link.csv")
    assert refused.value.code == "symlink"


def test_the_report_is_json(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("标题\n编号,姓名\n1,王\n2,李,多\n\n合计,2\n".encode("gb18030"))
    found = probe(path)
    tables = list(iter_tables(path, found))
    for table in tables:
        list(table.rows())
    text = json.loads(json.dumps(report(found, tables), ensure_ascii=False))
    assert text["encoding"] == "gb18030"
    assert text["tables"][0]["rows"] == {"data": 2, "header": 0, "total": 1, "note": 0, "deleted": 0, "blank": 1}
    assert text["tables"][0]["titles"] == ["标题"]


def test_importing_is_light() -> None:
    """No engine is imported before it is needed."""
    code = "import sys, ingestion.readers; print([m for m in ('polars', 'pyarrow', 'duckdb', 'numpy', 'python_calamine', 'openpyxl', 'zipfile') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
