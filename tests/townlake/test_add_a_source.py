"""docs/how-to/add-a-source.md, run from top to bottom in a copy of the project's sources and models."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.contracts import SOURCES
from warehouse.home import REPOSITORY

GUIDE = REPOSITORY / "docs" / "how-to" / "add-a-source.md"
_BLOCK = re.compile(r"((?:^(?!```)[^\n]*\n)?)^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"`([^`]+\.(?:csv|yaml|sql))`")


def blocks() -> Iterator[tuple[str, str, str]]:
    """Kind of block, the file the line above names ("" for commands), content."""
    for before, kind, content in _BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
        named = _NAMED.search(before)
        yield kind, named.group(1) if named else "", content


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(SOURCES, tmp_path / "sources")
    shutil.copytree(
        REPOSITORY / "dbt_project",
        tmp_path / "dbt_project",
        ignore=shutil.ignore_patterns("rendered", "target", "logs"),
    )
    monkeypatch.setenv("TOWNLAKE_SOURCES", str(tmp_path / "sources"))
    monkeypatch.setenv("TOWNLAKE_DBT_PROJECT", str(tmp_path / "dbt_project"))
    monkeypatch.setenv("TOWNLAKE_HOME", str(tmp_path / "lakehouse"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_guide_works_as_written(workshop: Path) -> None:
    printed = ""
    seen = set()
    for kind, file, content in blocks():
        if kind == "sh":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", content], cwd=workshop, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{content}\n{done.stdout}\n{done.stderr}"
            printed = done.stdout
        else:
            assert file, f"no file is named above a {kind} block"
            path = workshop / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            seen.add(path.name)
    assert {"contract.yaml", "fixture.csv", "expected.csv"} <= seen
    assert "烟台市晨光幼儿园" in printed and "小海豚幼儿园" in printed
    # 李　明 and the full-width telephone are told of, the unlisted ownership and 约60 are not guessed
    assert "13805351234" in printed and "李明" in printed and "code_unknown" in printed


def test_a_new_source_is_one_folder_and_one_model(workshop: Path) -> None:
    before = {p.relative_to(workshop) for p in workshop.rglob("*") if p.is_file()}
    for kind, file, content in blocks():
        if kind == "csv" and file.startswith("landing/"):
            path = workshop / file
            path.parent.mkdir(parents=True)
            path.write_text(content, encoding="utf-8")
            sample = path
            break
    subprocess.run(
        ["townlake", "source", "new", "jiaoyu.youeryuan", "--from", str(sample), "--key", "机构代码"],
        check=True,
        cwd=workshop,
    )
    made = {str(p.relative_to(workshop)) for p in workshop.rglob("*") if p.is_file()} - {str(p) for p in before}
    made.discard(str(sample.relative_to(workshop)))
    assert made == {
        "sources/jiaoyu/youeryuan/contract.yaml",
        "sources/jiaoyu/youeryuan/fixture.csv",
        "sources/jiaoyu/youeryuan/expected.csv",
        "dbt_project/models/staging/stg_jiaoyu__youeryuan.sql",
    }
