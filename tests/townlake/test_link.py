"""`townlake link` on the command line: formats, outputs, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import xlsxwriter

ROWS = [
    ("A1", "王建国", "1961-02-03", "13811112222", "幸福路8号3单元501"), ("A2", "李秀英", "1975-11-30", "15822223333", "海滨街12号1单元102"),
    ("A3", "张丽华", "1988-07-19", "13933334444", "胜利路70号2单元303"), ("A4", "赵志强", "1990-01-08", "13744445555", "青年路5号4单元204"),
    ("A5", "陈晓燕", "1954-09-27", "18655556666", "红旗路33号6单元605"), ("A6", "周文斌", "1983-05-14", "15066667777", "文化街9号1单元101"),
]  # fmt: skip
AGAIN = [
    ("B1", "王建国", "19610203", "13811112222", ""), ("B2", "李秀瑛", "1975-11-30", "15822223333", "海滨街12-1-102"),
    ("B3", "张丽华", "1988-07-19", "", "胜利路70号2单元303"), ("B9", "吴天明", "1979-12-12", "13100001111", "南山路1号1单元1"),
]  # fmt: skip
HEADER = ("编号", "姓名", "出生日期", "电话", "住址")
SPEC = "unique_id: 编号\ncolumns: {姓名: name, 出生日期: date, 电话: phone, 住址: address}\n"
TOWNLAKE = [sys.executable, "-m", "townlake", "link"]


def townlake(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TOWNLAKE, *map(str, arguments)], capture_output=True, text=True, check=False)


def text(rows: list[tuple[str, ...]]) -> str:
    return "".join(",".join(row) + "\n" for row in [HEADER, *rows])


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text(text(ROWS), encoding="utf-8")
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def links(path: Path) -> set[tuple[str, str]]:
    return set(duckdb.sql(f"select left_id, right_id from '{path}'").fetchall())


def test_two_lists_of_other_formats(spec: Path, tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(text(AGAIN).encode("gb18030"))
    with xlsxwriter.Workbook(str(tmp_path / "b.xlsx")) as book:
        page = book.add_worksheet()
        for number, row in enumerate([HEADER, *AGAIN]):
            page.write_row(number, 0, row)
    duckdb.sql(f"copy (from read_csv('{tmp_path / 'a.csv'}', all_varchar = true)) to '{tmp_path / 'a.parquet'}'")
    for left, right in (("a.csv", "b.csv"), ("a.parquet", "b.xlsx")):
        out, clusters = tmp_path / "links.parquet", tmp_path / "clusters.parquet"
        ran = townlake(
            tmp_path / left, tmp_path / right, "--spec", spec, "--out", out, "--clusters", clusters, "--json"
        )
        assert ran.returncode == 0, ran.stderr
        assert links(out) == {("A1", "B1"), ("A2", "B2"), ("A3", "B3")}
        assert duckdb.sql(f"describe from '{out}'").fetchall()[2][:2] == ("match_probability", "DOUBLE")
        assert [row[0] for row in duckdb.sql(f"describe from '{clusters}'").fetchall()] == ["table", "id", "cluster_id"]
        assert duckdb.sql(f"select count(*), count(distinct cluster_id) from '{clusters}'").fetchone() == (10, 7)
        answer = json.loads(ran.stdout)
        assert (answer["rows"], answer["links"], answer["clusters"]) == ([6, 4], 3, 7)
        assert [column["column"] for column in answer["columns"]] == list(HEADER[1:])
        assert sum(rule["pairs"] for rule in answer["blocking"]) >= answer["pairs_compared"] > 0


def test_one_list(spec: Path, tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text(text([*ROWS, *AGAIN]), encoding="utf-8")
    out, clusters = tmp_path / "links.parquet", tmp_path / "clusters.parquet"
    ran = townlake(tmp_path / "all.csv", "--spec", spec, "--out", out, "--clusters", clusters, "--explain")
    assert ran.returncode == 0, ran.stderr
    assert links(out) == {("A1", "B1"), ("A2", "B2"), ("A3", "B3")}
    assert [row[0] for row in duckdb.sql(f"describe from '{clusters}'").fetchall()] == ["id", "cluster_id"]
    assert "the same sound" in ran.stdout
    assert "rows: 10" in ran.stdout


def test_saved_weights_are_used_again(spec: Path, tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text(text([*ROWS, *AGAIN]), encoding="utf-8")
    common = [tmp_path / "all.csv", "--spec", spec, "--out", tmp_path / "links.parquet", "--model", tmp_path / "m.json"]
    assert townlake(*common).returncode == 0
    saved = (tmp_path / "m.json").read_text(encoding="utf-8")
    first = duckdb.sql(f"from '{tmp_path / 'links.parquet'}' order by all").fetchall()
    assert townlake(*common).returncode == 0
    assert (tmp_path / "m.json").read_text(encoding="utf-8") == saved
    assert [row[:2] for row in duckdb.sql(f"from '{tmp_path / 'links.parquet'}' order by all").fetchall()] == [
        r[:2] for r in first
    ]
    spec.write_text(SPEC.replace("电话: phone", "电话: ignore"), encoding="utf-8")
    ran = townlake(*common)
    assert ran.returncode == 2
    assert "was made for other columns" in ran.stderr


def test_an_empty_list_gives_empty_tables(spec: Path, tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text(text([]), encoding="utf-8")
    out = tmp_path / "links.parquet"
    ran = townlake(tmp_path / "a.csv", tmp_path / "none.csv", "--spec", spec, "--out", out)
    assert ran.returncode == 0, ran.stderr
    assert links(out) == set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.csv",), "there is no file"),
        (("a.csv", "spec.yaml"), "RIGHT has no column"),
        (("a.csv", "--out", "nowhere/links.parquet"), "does not exist"),
        (("a.csv", "--memory", "much"), "is not a size"),
        (("twice.csv",), "编号 is not unique: 1 row(s) repeat an id, the first is 'A1'"),
    ],
)
def test_wrong_use_is_said_in_one_line(spec: Path, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "twice.csv").write_text(text([*ROWS, ROWS[0]]), encoding="utf-8")
    named = [tmp_path / a if "." in a else a for a in arguments]
    ran = townlake("--spec", spec, "--out", tmp_path / "links.parquet", *named)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not list(tmp_path.glob("*.parquet"))


def test_help_has_examples() -> None:
    ran = townlake("--help")
    assert ran.returncode == 0
    assert "foundation.person" in ran.stdout
    assert "unique_id" in ran.stdout
