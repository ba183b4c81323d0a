"""A small lake of the shape dbt leaves behind, made by SQL alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.contracts import Contracts, DatasetContract
from quality import grades, results
from warehouse import builds, deliveries
from warehouse.home import Home
from warehouse.lake import SCHEMAS, writing
from warehouse.linkage import registry

ISSUE = (
    'struct("rule" varchar, "column" varchar, header varchar, severity varchar, gbt36344 varchar, outcome varchar, '
    '"raw" varchar, "value" varchar)'
)


def contract(dataset: str = "ceshi.renyuan", **delivery: Any) -> DatasetContract:
    """Id (key), name and sex, all but the last required."""
    domain, name = dataset.split(".")
    sex = {"kind": "sex", "options": {"codes": {"男": "1", "女": "2"}}}
    columns = [
        {
            "name": "id_number",
            "businessName": "身份证号",
            "required": True,
            "primaryKey": True,
            "primaryKeyPosition": 1,
        },
        {"name": "name", "businessName": "姓名", "required": True},
        {"name": "sex_code", "businessName": "性别", "customProperties": [{"property": "standard", "value": sex}]},
    ]
    return DatasetContract.model_validate(
        {
            "apiVersion": "v3.0.2", "kind": "DataContract", "id": dataset, "name": "人员", "version": "1.0.0", "status": "active",
            "domain": domain, "team": [{"username": "t"}], "schema": [{"name": name, "properties": columns}],
            "customProperties": [
                {"property": "department", "value": "测试局"},
                {"property": "delivery", "value": {"kind": "full", **delivery}},
            ],
        }
    )  # fmt: skip


class Lake:
    """The lake under test: `deliver` adds a delivery, `sql` changes anything."""

    contract = staticmethod(contract)

    def __init__(self, home: Home, con: duckdb.DuckDBPyConnection | None = None) -> None:
        self.home = home
        self.con = con
        self.contracts = Contracts({"ceshi.renyuan": contract()})

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Runs statements on the lake, on a DuckLake in one transaction; rows of the last one."""
        if self.con is not None:
            return [self.con.execute(statement).fetchall() for statement in statements][-1]
        with writing(self.home) as con:
            con.execute("begin")
            for statement in statements:
                rows = con.execute(statement).fetchall()
            con.execute("commit")
            return rows

    def deliver(
        self, delivery: str, rows: int, *, refused: int = 0, name: str = "'张' || n", sex: str = "'1'", key: str = "'k' || n",
        issues: str = "[]", status: str = "taken", dataset: str = "ceshi.renyuan", receipt: int | None = None,
    ) -> None:  # fmt: skip
        """`rows` staged rows (SQL over `n`), the first `refused` of them refused; `receipt` is what the receipt says."""
        table = f'lake.staging."checked_{dataset.replace(".", "__")}"'
        self.sql(
            f"""insert into {table} by name
                select '{dataset}' as dataset, '{delivery}.csv' as file, n as row_number, '{delivery}' as delivery_id,
                       {key} as row_key, {key} as id_number, {name} as name, {sex} as sex_code,
                       ({issues})::{ISSUE}[] as issues, n < {refused} as is_refused
                from range({rows}) as r(n)""",
            f"""insert into lake.foundation.delivery by name
                select '{delivery}' as delivery_id, '{dataset}' as dataset, '{dataset.split(".", maxsplit=1)[0]}' as department,
                       '{delivery}.csv' as file, 'full' as kind,
                       date '2026-10-31' as delivered_on, now() as received_at, '{status}' as status,
                       {rows if receipt is None else receipt} as data_rows, {rows - refused} as accepted, {refused} as quarantined""",
        )

    def publish(self, *delivered: str) -> None:
        """A published build that contains these deliveries."""
        names = ", ".join(f"'{d}'" for d in delivered)
        self.sql(
            f"insert into lake.foundation.build by name select 'b0' as build_id, true as published, [{names}] as deliveries, "
            "now() as finished_at, 1 as lake_snapshot"
        )


def staged(dataset: str) -> str:
    """DDL of the checked table of a dataset."""
    return (
        f'create table lake.staging."checked_{dataset.replace(".", "__")}" (dataset varchar, file varchar, sheet varchar, '
        "row_number bigint, delivery_id varchar, row_key varchar, id_number varchar, name varchar, sex_code varchar, "
        f"issues {ISSUE}[], is_refused boolean)"
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Catalogue, the tables Python keeps, one empty dataset."""
    lake = Lake(Home.at(tmp_path / "home").prepare())
    with writing(lake.home) as con:
        con.execute("begin")
        prepare(con)
        con.execute("commit")
    return lake


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """What is there before the first build."""
    deliveries.prepare(con)
    builds.prepare(con)
    registry.prepare(con)
    results.prepare(con)
    con.execute(staged("ceshi.renyuan"))


_CATALOGUE = """
    attach ':memory:' as __ducklake_metadata_lake;
    create view __ducklake_metadata_lake.ducklake_schema as
        select schema_name as schema_id, schema_name, null as end_snapshot from duckdb_schemas() where database_name = 'lake';
    create view __ducklake_metadata_lake.ducklake_table as
        select schema_name as schema_id, table_name, null as end_snapshot from duckdb_tables() where database_name = 'lake';
    create view __ducklake_metadata_lake.ducklake_view as
        select schema_name as schema_id, view_name, null as end_snapshot from duckdb_views() where database_name = 'lake';
"""
"""What names the tables of a lake."""


@pytest.fixture(scope="module")
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory in the place of the lake, with a sound foundation: for rules, which are SQL alone."""
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as lake")
        for schema in SCHEMAS:
            con.execute(f"create schema lake.{schema}")
        con.execute(_CATALOGUE)
        prepare(con)
        Lake(Home.at(Path("nowhere")), con).sql(*FOUNDATION, *CONTENT)
        yield con


@pytest.fixture
def ground(memory: duckdb.DuckDBPyConnection) -> Iterator[Lake]:
    """The lake in memory; what a test changes is undone."""
    memory.execute("begin")
    yield Lake(Home.at(Path("nowhere")), memory)
    memory.execute("rollback")


_MENTION = (
    "dataset varchar, file varchar, sheet varchar, row_number bigint, delivery_id varchar, received_at timestamptz, "
    "delivered_on date, {0}_id varchar, role varchar, is_current boolean, link_rule varchar, link_probability double"
)
FOUNDATION = (
    "create table lake.foundation.person (person_id varchar, id_number varchar, name varchar, birth_date date, death_date date, "
    "residence_place_id varchar, registered_place_id varchar, household_id varchar, area_code varchar, grid_code varchar, "
    "is_alive boolean, confidence double)",
    "create table lake.foundation.organisation (organisation_id varchar, legal_person_id varchar, place_id varchar, "
    "area_code varchar, grid_code varchar)",
    "create table lake.foundation.place (place_id varchar, parent_place_id varchar, community_code varchar, grid_code varchar)",
    "create table lake.foundation.household (household_id varchar, place_id varchar, size bigint)",
    "create table lake.foundation.event (event_id varchar, place_id varchar, area_code varchar, grid_code varchar, reports bigint)",
    "create table lake.foundation.facility (facility_id varchar, place_id varchar, area_code varchar, grid_code varchar)",
    "create table lake.foundation.grid (code varchar, name varchar, parent varchar, valid_from date, valid_to date, geometry blob)",
    "create table lake.foundation.line_grid (line varchar, code varchar, valid_from date, valid_to date, geometry blob)",
    "create table lake.foundation.area (code varchar, name varchar, parent varchar, level varchar, valid_from date, valid_to date)",
    "create table lake.foundation.entity_tag (entity varchar, entity_id varchar, tag varchar, outcome varchar, since date, until date, "
    "evidence varchar)",
    "create table lake.foundation.quarantine (dataset varchar, file varchar, row_number bigint, delivery_id varchar, rule varchar, "
    "severity varchar, reason varchar, raw varchar, status varchar)",
    *(
        f"create table lake.foundation.{e}_mention ({_MENTION.format(e)})"
        for e in ("person", "organisation", "place", "event", "facility")
    ),
    "create table lake.marts.policy_match (policy varchar, subject_kind varchar, subject_id varchar, answer varchar, reason varchar, "
    "receives boolean)",
    "create table lake.marts.policy_old_age_allowance (person_id varchar, age_years bigint, answer varchar, finding varchar)",
    grades.TABLE,
)
CONTENT = (
    """insert into lake.foundation.area select * from (values
        ('370600000000', '烟台市', null, 'city', date '2023-06-30', null::date),
        ('370602000000', '芝罘区', '370600000000', 'county', date '2023-06-30', null),
        ('370602001000', '向阳街道', '370602000000', 'town', date '2023-06-30', null),
        ('370602001001', '南山社区', '370602001000', 'community', date '2023-06-30', null))""",
    "insert into lake.foundation.grid values ('G1', '一格', '370602001001', date '2024-01-01', null, 'x'::blob)",
    "insert into lake.foundation.line_grid values ('gongan', 'J1', date '2024-01-01', null, 'x'::blob), ('huanwei', 'J1', date '2024-01-01', null, 'x')",
    "insert into lake.foundation.place values ('L1', null, '370602001001', 'G1')",
    "insert into lake.foundation.household values ('H1', 'L1', 2)",
    """insert into lake.foundation.person
       select 'P' || n, null, '张' || n, date '1940-01-01', null, 'L1', 'L1', case when n < 2 then 'H1' end, '370602001001', 'G1', true, 1.0
       from range(10) as r(n)""",
    "insert into lake.foundation.entity_tag select 'person', person_id, 'minor', 'yes', null, null, '{}' from lake.foundation.person",
    "insert into lake.foundation.organisation values ('O1', 'P1', 'L1', '370602001001', 'G1')",
    "insert into lake.foundation.event values ('E1', 'L1', '370602001001', 'G1', 1)",
    "insert into lake.foundation.facility values ('F1', 'L1', '370602001001', 'G1')",
    *(
        f"""insert into lake.foundation.{e}_mention
            select 'ceshi.renyuan', 'd1.csv', null, row_number() over (), 'd1', now(), date '2026-10-31', {e}_id, 'subject', true,
                   'verified_identifier', 1.0
            from lake.foundation.{e}"""
        for e in ("person", "organisation", "place", "event", "facility")
    ),
    "insert into lake.marts.policy_old_age_allowance select person_id, 86, 'eligible', 'paid' from lake.foundation.person",
    """insert into lake.marts.policy_match
       select '高龄津贴', 'person', person_id, 'eligible', '年满80周岁', true from lake.foundation.person""",
    """insert into lake.quality.column_grade by name
       select schema_name, table_name, column_name, 'general_2' as level, 'general' as personal_data
       from duckdb_columns() where database_name = 'lake' and schema_name = 'marts'""",
)


@pytest.fixture
def foundation(lake: Lake) -> Lake:
    """A sound foundation of ten people, one delivery behind it."""
    lake.deliver("d1", 10)
    lake.sql(*FOUNDATION, *CONTENT)
    return lake
