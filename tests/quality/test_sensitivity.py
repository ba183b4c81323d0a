"""What the gates say of content beyond its declaration, and of marts beyond theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.contracts import Contracts, DatasetContract
from quality import grades
from quality.gates import run_gate
from quality.ground import Delivered, Ground
from quality.suites.sensitivity import EXTRA, FILE_NAME, ROWS, exposure_suite, sensitivity_suite
from warehouse.classification.sensitivity import HIGHEST, Graded
from warehouse.errors import GateStopped, WrongUse
from warehouse.home import Home

ID = "110101199003074856"
CHECKED = "lake.staging.checked_ceshi__shijian"


def _contract() -> DatasetContract:
    def column(name: str, kind: str = "text", **said: str) -> dict[str, Any]:
        custom = [
            {"property": "standard", "value": {"kind": kind}},
            *({"property": k, "value": v} for k, v in said.items()),
        ]
        return {"name": name, "businessName": name, "customProperties": custom}

    columns = [
        column("remark"), column("content", personalData="general", grade="general_3"), column("phone", "phone"),
        column("address", "address"), column("meter", "code"),
    ]  # fmt: skip
    return DatasetContract.model_validate(
        {
            "apiVersion": "v3.0.2", "kind": "DataContract", "id": "ceshi.shijian", "name": "事件", "version": "1.0.0",
            "status": "active", "domain": "ceshi", "team": [{"username": "t"}], "schema": [{"name": "shijian", "properties": columns}],
            "customProperties": [
                {"property": "department", "value": "测试局"},
                {"property": "delivery", "value": {"kind": "full"}},
            ],
        }
    )  # fmt: skip


class City:
    """One dataset with one delivery `d1`; say cells, then ask what is found."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self.rows = 0
        self.file = "ceshi/事件.xlsx"
        con.execute("attach ':memory:' as lake")
        for schema in ("staging", "foundation", "quality", "marts"):
            con.execute(f"create schema lake.{schema}")
        con.execute(f"create table {CHECKED} (row_number bigint, delivery_id varchar, remark varchar, content varchar, phone varchar, "
                    "address varchar, meter varchar, _extra varchar, is_refused boolean)")  # fmt: skip
        con.execute(
            "create table lake.foundation.delivery (delivery_id varchar, dataset varchar, file varchar, delivered_on date)"
        )
        con.execute(grades.TABLE)

    def say(self, times: int = 1, *, refused: bool = False, **cells: str) -> None:
        """`times` rows with these cells."""
        names = "".join(f", {c}" for c in cells)
        self.con.execute(
            f"insert into {CHECKED} (row_number, delivery_id, is_refused{names}) "
            f"select {self.rows} + n, 'd1', {refused}{', ?' * len(cells)} from range({times}) as r(n)",
            list(cells.values()),
        )
        self.rows += times

    def found(self) -> set[tuple[str, str, str, int]]:
        """(severity, column, detector, how many) of every finding."""
        self.con.execute("delete from lake.foundation.delivery")
        self.con.execute(
            "insert into lake.foundation.delivery values ('d1', 'ceshi.shijian', ?, '2026-10-31')", [self.file]
        )
        delivered = Delivered("d1", "ceshi.shijian", None, self.rows, True)
        ground = Ground(frozenset(["foundation.delivery", "staging.checked_ceshi__shijian"]), (delivered,))
        suite = sensitivity_suite([_contract()], ground)
        for statement in suite.prepare:
            self.con.execute(statement)
        self.con.execute(f"create or replace temp table profile as {suite.profile}")
        return {
            (check.severity, *row)
            for check in suite.checks
            for row in self.con.execute(
                f'select "column", detector, found from temp.profile where {check.condition} and not {check.said}'
            ).fetchall()
        }


@pytest.fixture
def city() -> Iterator[City]:
    with duckdb.connect() as con:
        yield City(con)


def test_an_honest_delivery_gives_no_finding(city: City) -> None:
    city.say(50, remark="已办结", content="王建国来电，家住迎春大街128号，电话13912345678", phone="13912345678", address="莱山区迎春大街128号",
             meter="20304050607")  # fmt: skip
    assert city.found() == set()


def test_a_phone_in_a_remark_is_found(city: City) -> None:
    city.say(30, remark="已办结")
    city.say(remark="请回电139-1234-5678")
    city.say(remark="13912345678")
    assert city.found() == {("warning", "remark", "phone", 2)}


def test_identity_numbers_stop_where_no_personal_data_is_declared(city: City) -> None:
    city.say(100, remark="已办结")
    city.say(2, remark=f"身份证{ID}")
    assert city.found() == {("warning", "remark", "id_number", 2)}
    city.say(1, remark=f"身份证{ID}")
    assert city.found() == {("critical", "remark", "id_number", 3)}


def test_identity_numbers_in_a_personal_column_of_a_lower_grade_are_a_warning(city: City) -> None:
    city.say(10, content=f"张三，身份证{ID}")
    assert city.found() == {("warning", "content", "id_number", 10)}


def test_single_words_that_look_like_names_are_no_warning(city: City) -> None:
    city.say(500, remark="已办结")
    city.say(2, remark="联系人王建国")
    assert city.found() == {("info", "remark", "person_name", 2)}
    city.say(20, remark="联系人王建国")
    assert city.found() == {("warning", "remark", "person_name", 22)}


def test_numbers_alone_count_where_most_of_a_column_are_such(city: City) -> None:
    city.say(20, meter="20304050607")
    city.say(5, meter="13912345678")
    assert city.found() == set()
    city.say(30, meter="13912345679")
    assert city.found() == {("warning", "meter", "phone", 35)}


def test_what_stands_under_an_unknown_header_and_in_the_file_name_is_looked_at(city: City) -> None:
    city.say(5, _extra='{"联系人": "王建国", "手机": "13912345678", "证件": "' + ID + '"}')
    city.file = f"ceshi/{ID}_申请.xlsx"
    found = city.found()
    assert {(column, detector) for _, column, detector, _ in found} == {
        (EXTRA, "person_name"), (EXTRA, "phone"), (EXTRA, "id_number"), (FILE_NAME, "id_number"),
    }  # fmt: skip
    assert {severity for severity, *_ in found} == {"warning"}


def test_refused_rows_are_not_looked_at(city: City) -> None:
    city.say(5, remark=f"身份证{ID}", refused=True)
    assert city.found() == set()


def test_large_deliveries_are_sampled(city: City) -> None:
    city.say(3 * ROWS, remark="请回电139-1234-5678")
    ((severity, column, detector, n),) = city.found()
    assert (severity, column, detector) == ("warning", "remark", "phone")
    assert 0.8 * ROWS < n < 1.2 * ROWS


# ---- marts ----------------------------------------------------------------------------------------------------------


def _exposed(con: duckdb.DuckDBPyConnection, **may: Graded) -> set[str]:
    suite = exposure_suite(may)
    (check,) = suite.checks
    return {row[0] for row in con.execute(f'select "column" from ({suite.profile}) where {check.condition}').fetchall()}


def test_a_mart_exposes_no_more_than_it_declares(city: City) -> None:
    city.con.execute("create table lake.marts.roll (person_id varchar, phone varchar, later varchar)")
    city.con.execute(
        "insert into lake.quality.column_grade by name select * from (values ('marts', 'roll', 'person_id', 'general_2', 'general'), "
        "('marts', 'roll', 'phone', 'general_3', 'general')) as g(schema_name, table_name, column_name, level, personal_data)"
    )
    assert _exposed(city.con) == {"roll.person_id", "roll.phone", "roll.later"}  # nothing declared: general 1
    assert _exposed(city.con, roll=Graded("general_2", "general")) == {"roll.phone", "roll.later"}
    assert _exposed(city.con, roll=Graded("general_4", "none")) == {"roll.person_id", "roll.phone", "roll.later"}
    assert _exposed(city.con, roll=Graded("general_3", "general")) == {"roll.later"}  # nobody graded it: the highest
    assert _exposed(city.con, roll=Graded("general_4", "sensitive")) == set()


def test_a_mart_above_its_declaration_stops_the_build(foundation: Any) -> None:
    assert run_gate(foundation.home, "marts", foundation.contracts, "b1").passed
    foundation.sql("create table lake.marts.leak as select person_id, id_number from lake.foundation.person")
    with pytest.raises(GateStopped, match=r"leak\.(id_number|person_id) is general_4"):
        run_gate(foundation.home, "marts", foundation.contracts, "b2")


@pytest.mark.parametrize("column", ["cluster_key", "unit_key", "left_key", "right_key"])
def test_what_the_registry_calls_a_key_holds_the_identifier(column: str) -> None:
    found = grades.kept("registry.person", {"person_id": "VARCHAR", column: "VARCHAR"})
    assert found["person_id"].level == "general_2"
    assert found[column] == HIGHEST


def test_declarations_are_read_strictly(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text(
        "models:\n  - name: a\n  - {name: b, config: {meta: {grade: general_3, personal_data: general}}}\n"
    )
    assert grades.exposed(tmp_path) == {"a": Graded(), "b": Graded("general_3", "general")}
    (tmp_path / "m.yml").write_text("models:\n  - {name: b, config: {meta: {grade: general_9}}}\n")
    with pytest.raises(WrongUse, match="no such grade"):
        grades.exposed(tmp_path)


# ---- grades as a table ----------------------------------------------------------------------------------------------


def test_columns_are_graded_once_and_again_when_a_model_changes(tmp_path: Path, city: City) -> None:
    home = Home.at(tmp_path / "home").prepare()
    compiled = home.work / "dbt-target" / "compiled"
    compiled.mkdir(parents=True)
    model = compiled / "roll.sql"
    model.write_text('select content as text, 1 as one from "lake"."staging"."stg_ceshi__shijian"')
    city.con.execute("create table lake.marts.roll (text varchar, one integer)")
    contracts = Contracts({"ceshi.shijian": _contract()})
    city.con.execute("drop table lake.quality.column_grade")  # as before the first build
    assert grades.grade(city.con, home, contracts) == 6  # with those of foundation.delivery
    shown = {
        row["column"]: (row["level"], row["personal_data"], row["inputs"]) for row in grades.look(city.con, "roll")
    }
    assert shown == {"text": ("general_3", "general", ["ceshi.shijian.content"]), "one": ("general_1", "none", [])}
    city.con.execute("update lake.quality.column_grade set level = 'core' where column_name = 'one'")
    grades.grade(city.con, home, contracts)
    assert {row["level"] for row in grades.look(city.con, "marts.roll")} == {
        "general_3",
        "core",
    }  # the same: not read again
    model.write_text('select content as text, content as one from "lake"."staging"."stg_ceshi__shijian"')
    grades.grade(city.con, home, contracts)
    assert {row["level"] for row in grades.look(city.con, "marts.roll")} == {"general_3"}
