"""The command line: light to start, exit codes as promised, one clear sentence and never a stack trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared import shared_path
from warehouse.home import Home

HEAVY = ("duckdb", "polars", "pyarrow", "pandas", "numpy", "dbt", "great_expectations", "sqlalchemy")


def townlake(*arguments: str, home: Home | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    extra = {"TOWNLAKE_HOME": str(home.root)} if home else {}
    return subprocess.run(
        [sys.executable, "-m", "townlake", *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "COLUMNS": "200", **extra, **environment},
    )  # fmt: skip


def test_starting_imports_nothing_heavy() -> None:
    code = f"import sys, townlake.cli, townlake.reading; print([m for m in {HEAVY!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "verb",
    [
        "city",
        "run",
        "ingest",
        "build",
        "gate",
        "read",
        "query",
        "export",
        "why",
        "doctor",
        "maintain",
        "source list",
        "source new",
        "source check",
        "source template",
        "source docs",
        "review list",
        "review export",
        "review decide",
    ],
)
def test_every_verb_has_help_with_an_example(verb: str) -> None:
    found = townlake(*verb.split(), "--help")
    assert found.returncode == 0
    assert "Example: townlake" in found.stdout


def test_read_writes_utf8_csv_and_reports(tmp_path: Path, home: Home) -> None:
    source = tmp_path / "名单.txt"
    source.write_bytes("姓名|编号\n张三|007\n李四|008\n".encode("gb18030"))
    out = tmp_path / "out.csv"
    found = townlake("read", str(source), "--out", str(out), "--json", home=home)
    assert found.returncode == 0, found.stderr
    assert out.read_text(encoding="utf-8") == "姓名,编号\n张三,007\n李四,008\n"
    answer = json.loads(found.stdout)
    assert answer["encoding"].startswith("gb")
    assert answer["dialect"]["delimiter"] == "|"
    assert answer["tables"][0]["rows"]["data"] == 2


def test_read_of_all_tables_numbers_the_files(tmp_path: Path) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "两张.xlsx") as book:
        for name in ("甲", "乙"):
            sheet = book.add_worksheet(name)
            for r, row in enumerate((["姓名", "编号"], [name, "1"], [name, "2"])):
                sheet.write_row(r, 0, row)
    found = townlake("read", str(tmp_path / "两张.xlsx"), "--out", str(tmp_path / "o.csv"), "--all", "--json")
    assert [Path(p).name for p in json.loads(found.stdout)["written"]] == ["o.csv", "o.2.csv"]
    assert (tmp_path / "o.2.csv").read_text(encoding="utf-8").splitlines()[1] == "乙,1"


def test_an_unreadable_file_says_why(tmp_path: Path) -> None:
    bad = tmp_path / "坏.xlsx"
    bad.write_bytes(b"PK\x03\x04" + os.urandom(200))
    found = townlake("read", str(bad), "--json")
    assert found.returncode == 2
    assert json.loads(found.stdout)["reason_zh"]
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["read", "/nowhere.csv"], 2, "there is no file"),
        (["query", "select 1"], 3, "there is no lake"),
        (["export", "foundation.person", "x.parquet"], 3, "there is no lake"),
        (["why", "person", "P1"], 3, "there is no lake"),
        (["why", "dog", "P1"], 2, "no entity type"),
        (["review", "list"], 3, "there is no lake"),
        (["review", "list", "--entity", "place"], 2, "nothing is decided about 'place'"),
        (["review", "decide", "person", "a", "b", "--reason", "x"], 2, "say one of --same, --other, --unsure"),
        (["review", "decide", "person", "a", "b", "--same", "--reason", "x"], 2, "there is no lake"),
        (["gate", "golden"], 2, "there is no gate"),
        (["build", "--layer", "raw"], 2, "there is no layer"),
        (["run", "--landing", "/nowhere"], 2, "does not exist"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_wrong_use_and_missing_lake(home: Home, arguments: list[str], code: int, says: str) -> None:
    found = townlake(*arguments, home=home)
    assert found.returncode == code
    assert says in found.stderr
    assert "Traceback" not in found.stderr


def test_a_contract_with_a_typo_names_file_and_line(home: Home, tmp_path: Path) -> None:
    from ingestion.contracts import SOURCES

    folder = tmp_path / "sources" / "gongan" / "changzhu"
    folder.mkdir(parents=True)
    text = (SOURCES / "gongan" / "changzhu" / "contract.yaml").read_text(encoding="utf-8")
    (folder / "contract.yaml").write_text(text.replace("businessName: 姓名", "buisnessName: 姓名"), encoding="utf-8")
    found = townlake("run", home=home, TOWNLAKE_SOURCES=str(tmp_path / "sources"))
    assert found.returncode == 2
    line = next(n for n, row in enumerate(text.splitlines(), start=1) if "businessName: 姓名" in row)
    assert "gongan/changzhu/contract.yaml" in found.stderr
    assert f"line {line}" in found.stderr or "Field required" in found.stderr


def test_standardise_lists_every_kind_and_writes_outcomes(tmp_path: Path) -> None:
    import polars as pl

    from warehouse.standard import KINDS

    said = " ".join(townlake("standardise", "--help").stdout.split())
    assert all(kind in said for kind in KINDS)
    (tmp_path / "c.csv").write_text("电话\n138-0013-8000\n13800138000\n无\n", encoding="utf-8")
    found = townlake(
        "standardise", "phone", str(tmp_path / "c.csv"), "--column", "电话", "--out", str(tmp_path / "o.parquet")
    )
    assert found.returncode == 0, found.stderr
    answer = pl.read_parquet(tmp_path / "o.parquet")
    assert answer["value"].to_list() == ["13800138000", "13800138000", None]
    assert answer["outcome"].to_list() == ["standardised", None, "nulled"]
    assert townlake("standardise", "fone", str(tmp_path / "c.csv"), "--column", "电话", "--out", "x").returncode == 2


def test_doctor_on_a_new_home(home: Home) -> None:
    found = townlake("doctor", "--json", home=home)
    assert found.returncode == 0, found.stdout
    assert all(f["ok"] for f in json.loads(found.stdout))


@pytest.mark.shared
def test_the_ministry_workbook() -> None:
    found = townlake("read", str(shared_path("data/tables/university.xls")), "--json")
    assert json.loads(found.stdout)["tables"][0]["rows"]["data"] == 2631


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "rows"),
    [("yantai_divisions_2023.csv", 6509), ("china_counties_2023.csv", 2978), ("yantai_towns_2021.csv", 159)],
)
def test_the_real_area_tables(name: str, rows: int) -> None:
    found = townlake("read", str(shared_path(f"data/admin_divisions/{name}")), "--json")
    assert json.loads(found.stdout)["tables"][0]["rows"]["data"] == rows
