"""Delimited text: any table in any dialect and encoding comes back cell for cell; damage stays where it is."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ingestion.readers import Refused, probe, read_first, write_csv
from tests.ingestion.readers.helpers import cells_of, raw_of

PROPERTY = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
HAN = "烟台市芝罘区幸福街道社区王伟李芳张敏号楼单元补贴䶮镕𠮷，。（）"
WORDS = st.text(st.sampled_from(HAN + "abcXYZ 019-/."), max_size=8)
TRICKY = st.one_of(
    WORDS,
    st.sampled_from(
        [
            "a,b",
            "x;y",
            'say "hi"',
            '5" 管',
            "it's",
            "一|二",
            "tab\there",
            "换\n行",
            "",
            "0012",
            "37060219900101123X",
            "12.50",
        ]
    ),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """A header of distinct words over rows whose first column is a running number and whose second is a date."""
    width = draw(st.integers(3, 7))
    header = ["序号", "日期", *[f"列名{chr(65 + i)}" for i in range(width - 2)]]
    count = draw(st.integers(3, 25))
    rows = [
        [str(n + 1), f"2026-{n % 12 + 1:02d}-{n % 28 + 1:02d}", *[draw(TRICKY) for _ in range(width - 2)]]
        for n in range(count)
    ]
    return header, rows


def written(rows: list[list[str]], delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL, newline: str = "\n") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=newline).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


@PROPERTY
@given(
    tables(),
    st.tuples(
        st.sampled_from([",", "\t", ";", "|"]),
        st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        st.sampled_from(["\n", "\r\n"]),
    ),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]),
)
def test_any_table_in_any_dialect_comes_back(
    tmp_path: Path, table: tuple[list[str], list[list[str]]], dialect: tuple[str, int, str], encoding: str
) -> None:
    header, rows = table
    path = tmp_path / "t.csv"
    path.write_bytes(written([header, *rows], *dialect).encode(encoding))
    found, result, frame = raw_of(path, tmp_path / "raw.parquet")
    assert found.columns == tuple(header)
    assert cells_of(frame, found.columns) == [tuple(cell or None for cell in row) for row in rows]
    assert frame["row_number"].to_list() == list(range(2, len(rows) + 2))
    assert result.rows_by_kind["data"] == len(rows)
    assert frame["_defect"].null_count() == len(rows)


@PROPERTY
@given(
    tables(),
    st.sampled_from(
        [
            ("big5hkscs", "繁體中文戶籍資料臺北市信義區路號樓"),
            ("cp1252", "café £ naïve Zürich"),
            ("gb18030", "龘㙍𠀀䶮"),
        ]
    ),
)
def test_other_encodings(tmp_path: Path, table: tuple[list[str], list[list[str]]], choice: tuple[str, str]) -> None:
    header, rows = table
    encoding, sample = choice
    header = ["No", "Date", *[f"Name {i}" for i in range(len(header) - 2)]]
    rows = [[row[0], row[1], *[sample for _ in row[2:]]] for row in rows]
    path = tmp_path / "t.csv"
    path.write_bytes(written([header, *rows], newline="\r\n").encode(encoding))
    found, _, frame = raw_of(path, tmp_path / "raw.parquet")
    assert cells_of(frame, found.columns) == [tuple(row) for row in rows]


@PROPERTY
@given(tables(), st.integers(0, 24), st.sampled_from(["extra", "missing", "open_quote", "blank", "bytes"]))
def test_one_damaged_line_touches_no_other(
    tmp_path: Path, table: tuple[list[str], list[list[str]]], place: int, damage: str
) -> None:
    header, rows = table
    assume(len(rows) >= 6)
    place = 2 + place % (len(rows) - 3)
    lines = [
        written([header]).encode(),
        *[written([row]).encode() for row in rows],
    ]
    hurt = {
        "extra": lines[place][:-1] + b",x,y\n",
        "missing": rows[place - 1][0].encode() + b",2026-01-01\n",
        "open_quote": rows[place - 1][0].encode() + b',2026-01-01,"half\n',
        "blank": b"\n",
        "bytes": lines[place].replace(b"2026", b"20\xff\xfe6", 1),
    }
    lines[place] = hurt[damage]
    path = tmp_path / "t.csv"
    path.write_bytes(b"".join(lines))
    found, _, frame = raw_of(path, tmp_path / "raw.parquet")
    number = place + 1
    others = frame.filter((pl.col("row_kind") == "data") & (pl.col("row_number") != number))
    assert others.select(found.columns[: len(header)]).rows() == [
        tuple(cell or None for cell in row) for n, row in enumerate(rows, start=2) if n != number
    ]
    assert others["_defect"].null_count() == others.height
    marked = frame.filter(pl.col("row_number") == number)["_defect"].to_list()
    assert (
        marked
        == {
            "extra": ["ragged_extra"],
            "missing": ["ragged_missing"],
            "open_quote": ["truncated"],
            "blank": [],
            "bytes": ["undecodable"],
        }[damage]
    )


def test_surplus_fields_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("编号,姓名,金额\n1,王,5\n2,李,6,多出,的\n3,张,7\n", encoding="utf-8")
    _, result, frame = raw_of(path, tmp_path / "raw.parquet")
    assert frame["_extra"].to_list() == [None, '{"+1": "多出", "+2": "的"}', None]
    assert [u.row_number for u in result.unread] == [3]
    assert "列数" in result.unread[0].reason_zh


@pytest.mark.parametrize(
    ("delimiter", "text"),
    [
        ("||", "编号||姓名||金额\n1||王||5\n2||||6\n"),
        (", ", '"编号", "姓名", "金额"\n"1", "王, 大", "5"\n"2", "李", "6"\n'),
        ("^", "编号^姓名^金额\n1^王^5\n2^李^6\n"),
        ("\x01", "编号\x01姓名\x01金额\n1\x01王\x015\n"),
        ("，", "编号，姓名，金额\n1，王，5\n2，李，6\n"),
    ],
)
def test_rare_delimiters(tmp_path: Path, delimiter: str, text: str) -> None:
    path = tmp_path / "t.txt"
    path.write_text(text, encoding="utf-8")
    found = probe(path)
    assert found.dialect is not None
    assert found.dialect["delimiter"] == delimiter
    assert found.tables[0].columns == ("编号", "姓名", "金额")


def test_quoted_and_unquoted_empty_cells_are_both_null(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b,c\n1,"",3\n2,,3\n', encoding="utf-8")
    _, _, frame = raw_of(path, tmp_path / "raw.parquet")
    assert frame["b"].to_list() == [None, None]


def test_sep_line_single_column_and_times(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("sep=;\na;b\n1;x,y\n2;z,w\n", encoding="utf-8")
    assert [row.cells for row in read_first(path).rows()] == [["1", "x,y"], ["2", "z,w"]]
    path.write_text("时间\n2026-01-01 10:00\n2026-01-02 11:30\n", encoding="utf-8")
    assert [row.cells for row in read_first(path).rows()] == [["2026-01-01 10:00"], ["2026-01-02 11:30"]]


def test_written_csv_is_read_back(tmp_path: Path) -> None:
    path, out = tmp_path / "t.csv", tmp_path / "o.csv"
    path.write_bytes(
        '报表\r\n单位：元\r\n姓名;金额;说明\r\n王;1,5;"两\r\n行"\r\n合计;1,5;\r\n\r\n注：仅供参考\r\n'.encode("gb18030")
    )
    table = read_first(path)
    assert write_csv(table, out) == 2
    assert out.read_bytes().decode() == '姓名;金额;说明\n王;"1,5";"两\r\n行"\n合计;"1,5";\n'.replace(";", ",")
    assert [row.kind for row in table.left_out] == ["note"]
    assert table.table.titles == ("报表", "单位：元")


def test_binary_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(bytes(range(256)) * 50)
    with pytest.raises(Refused):
        probe(path)
