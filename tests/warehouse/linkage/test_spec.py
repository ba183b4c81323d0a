"""What is said about a specification that cannot be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from warehouse.errors import WrongUse
from warehouse.linkage.engine.spec import read_spec

RIGHT = "unique_id: id\ncolumns: {a: name, b: date, c: ignore}\n"


def test_a_specification(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(RIGHT, encoding="utf-8")
    spec = read_spec(path)
    assert spec.used == {"a": "name", "b": "date"}
    assert (spec.name_in(1, "a"), spec.id_in(1)) == ("a", "id")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("columns: {a: name}", "the key unique_id is missing"),
        ("unique_id: id", "the key columns is missing"),
        (RIGHT + "treshold: 0.5", "unknown key treshold (there are unique_id, columns, right, threshold"),
        (RIGHT + "right: {id: x}", "unknown key right.id (there are unique_id, columns)"),
        ("unique_id: id\ncolumns: {a: nam}", "columns.a: 'nam' is not one of 'identifier', 'name'"),
        ("unique_id: id\ncolumns: {a: ignore}", "every column is ignored"),
        ("unique_id: id\ncolumns: {}", "columns: Dictionary should have at least 1 item"),
        ("unique_id: 7\ncolumns: {a: name}", "unique_id: Input should be a valid string"),
        (RIGHT + "blocking: [[a, z]]", "blocking speaks of z, which columns does not have"),
        (RIGHT + "comparisons: {c: exact}", "comparisons speaks of c, which columns does not have (or ignores)"),
        (RIGHT + "right: {columns: {z: y}}", "right.columns speaks of z"),
        (RIGHT + "threshold: 1.5", "threshold: Input should be less than 1"),
        ("unique_id: id\ncolumns: {a: name, a: date}", "'a' stands twice"),
        ("unique_id: [", "is not YAML"),
        ("- a\n- b\n", "must say unique_id and columns"),
        ("", "must say unique_id and columns"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(WrongUse) as wrong:
        read_spec(path)
    assert said in str(wrong.value)
    assert "pydantic" not in str(wrong.value)


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="there is no specification"):
        read_spec(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(WrongUse, match="cannot be read as UTF-8"):
        read_spec(tmp_path / "bytes.yaml")
