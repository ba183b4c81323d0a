"""A lake of a few contents, to try the linkage on: a DuckDB file of its name with the tables the registry reads."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import duckdb

from warehouse.linkage import registry
from warehouse.linkage.spec import LINKED

_PERSON = {
    "content_id": "varchar", "dataset": "varchar", "role": "varchar", "row_key": "varchar", "id_type": "varchar",
    "id_number": "varchar", "number_said": "varchar", "name": "varchar", "former_name": "varchar", "sex_code": "varchar",
    "birth_date": "date", "ethnic_code": "varchar", "phone": "varchar", "household_number": "varchar", "area_code": "varchar",
    "place_content_id": "varchar", "verified_identifier": "varchar",
}  # fmt: skip
_ORGANISATION = {
    "content_id": "varchar", "dataset": "varchar", "role": "varchar", "row_key": "varchar", "uscc": "varchar",
    "registration_number": "varchar", "name": "varchar", "kind": "varchar", "phone": "varchar", "place_content_id": "varchar",
    "verified_identifier": "varchar",
}  # fmt: skip
_EVENT = {
    "content_id": "varchar", "dataset": "varchar", "role": "varchar", "row_key": "varchar", "event_number": "varchar",
    "number_space": "varchar", "kind": "varchar", "occurred_at": "timestamp", "description": "varchar",
    "place_content_id": "varchar", "verified_identifier": "varchar",
}  # fmt: skip
_FACILITY = {
    "content_id": "varchar", "dataset": "varchar", "role": "varchar", "row_key": "varchar", "name": "varchar",
    "place_content_id": "varchar", "verified_identifier": "varchar",
}  # fmt: skip
_SHAPES = {"person": _PERSON, "organisation": _ORGANISATION, "event": _EVENT, "facility": _FACILITY}
_FIRST = "struct(delivered_on date, dataset varchar, file varchar, sheet varchar, row_number bigint)"
TOPICS = "dbt_project/seeds/event_topic.csv"


class SmallLake:
    """Say contents with `person(...)`, `organisation(...)`, `event(...)`, then `link()`; ask with `entity_of`."""

    def __init__(self, folder: Path) -> None:
        self.con = duckdb.connect(folder / "lake.duckdb")
        for schema in ("intermediate", "foundation", "registry", "staging"):
            self.con.execute(f"create schema lake.{schema}")
        for entity, shape in _SHAPES.items():
            columns = ", ".join(f"{name} {kind}" for name, kind in shape.items())
            self.con.execute(
                f"""create table lake.intermediate.int_{entity}__content ({columns}, first_mention {_FIRST});
                    create view lake.intermediate.int_{entity}__mention as
                        select content_id, dataset, dataset || first_mention.delivered_on::varchar as delivery_id from lake.intermediate.int_{entity}__content;
                    create view lake.intermediate.int_{entity}__located as
                        select content_id, true as is_current, date '2026-01-31' as delivered_on
                        from lake.intermediate.int_{entity}__content"""
            )
        self.con.execute(
            f"""create table lake.intermediate.int_place__resolved (
                    content_id varchar, place_key varchar, resolution_rule varchar, house_code varchar, community_code varchar,
                    grid_code varchar, longitude double, latitude double, first_mention {_FIRST}, reference_stamp varchar);
                create table lake.intermediate.int_place__standard (
                    place_key varchar, parent_key varchar, level varchar, standard_address varchar, county_code varchar, town_code varchar,
                    community_code varchar, grid_code varchar, road varchar, number varchar, estate varchar, building varchar,
                    unit varchar, room varchar, longitude double, latitude double, house_code varchar);
                create view lake.intermediate.int_place__mention as
                    select content_id, 'gongan.changzhu' as dataset from lake.intermediate.int_place__resolved;
                create view lake.intermediate.int_place__located as
                    select content_id, true as is_current, date '2026-01-31' as delivered_on from lake.intermediate.int_place__resolved;
                create table lake.foundation.delivery (delivery_id varchar, dataset varchar, status varchar);
                create table lake.foundation.build (deliveries varchar[], published boolean);
                create table lake.registry.redo (delivery_id varchar);
                create table lake.staging.county as
                    select '370602' as county_code, '芝罘区' as name, '烟台市' as city_name
                    union all select '370681', '龙口市', '烟台市';
                create table lake.intermediate.int_area__division as select '370602000000' as area_code;
                create table lake.staging.event_topic as from read_csv('{TOPICS}', header = true)"""
        )
        registry.prepare(self.con)
        self._said = 0

    def place(self, key: str, community: str = "370602011004", parent: str | None = None) -> str:
        """A place of the library under `key`; returns its content id."""
        content = hashlib.md5(key.encode()).hexdigest()
        known = self.con.execute(
            "select count(*) from lake.intermediate.int_place__resolved where content_id = ?", [content]
        ).fetchone()
        if known and not known[0]:
            self.con.execute(
                """insert into lake.intermediate.int_place__resolved by name
                   select ? as content_id, ? as place_key, 'test' as resolution_rule, ? as community_code,
                          {'delivered_on': date '2026-01-31', 'dataset': 'x', 'file': 'x', 'sheet': '', 'row_number': 1} as first_mention""",
                [content, key, community],
            )
            self.con.execute(
                "insert into lake.intermediate.int_place__standard (place_key, parent_key, level) values (?, ?, 'door')",
                [key, parent],
            )
        return content

    def person(self, name: str | None = None, **said: Any) -> str:
        number = said.get("id_number")
        said.setdefault("number_said", number)
        said.setdefault("id_type", "111" if number else None)
        return self._say(
            "person", name=name, verified_identifier=f"{said['id_type']}:{number}" if number else None, **said
        )

    def organisation(self, name: str, **said: Any) -> str:
        return self._say("organisation", name=name, verified_identifier=said.get("uscc"), **said)

    def event(self, description: str, occurred_at: str, number: str, dataset: str, **said: Any) -> str:
        return self._say(
            "event", description=description, occurred_at=occurred_at, event_number=number, dataset=dataset,
            verified_identifier=f"{said.get('number_space') or dataset}:{number}", **said,
        )  # fmt: skip

    def _say(
        self,
        entity: str,
        *,
        dataset: str = "gongan.changzhu",
        role: str = "subject",
        day: str = "2026-01-31",
        **said: Any,
    ) -> str:
        self._said += 1
        place = said.pop("at", None)
        row = {
            **said,
            "dataset": dataset,
            "role": role,
            "row_key": said.get("row_key", said.get("id_number") or f"row{self._said}"),
        }
        row["place_content_id"] = self.place(place) if place else None
        text = "|".join(f"{k}={row[k]}" for k in sorted(row))
        row["content_id"] = hashlib.md5(text.encode()).hexdigest()
        shape = _SHAPES[entity]
        values = ", ".join(f"?::{shape[name]} as {name}" for name in row)
        self.con.execute(
            f"""insert into lake.intermediate.int_{entity}__content by name
                select {values}, {{'delivered_on': ?::date, 'dataset': '{dataset}', 'file': 'f', 'sheet': '',
                                   'row_number': {self._said}}}::{_FIRST} as first_mention""",
            [*row.values(), day],
        )
        return str(row["content_id"])

    def unsay(self, entity: str, content: str) -> None:
        self.con.execute(f"delete from lake.intermediate.int_{entity}__content where content_id = ?", [content])

    def decide(self, entity: str, left: str, right: str, verdict: str) -> None:
        self.con.execute(
            "insert into lake.registry.link_decision values (?, ?, ?, ?, 'test', 'tester', now())",
            [entity, left, right, verdict],
        )

    def link(self, *, full: bool = False) -> dict[str, dict[str, int]]:
        return registry.link(self.con, full=full)

    def publish(self) -> None:
        for entity in LINKED:
            self.con.execute(f"delete from lake.registry.{entity}_queue")

    def entity_of(self, entity: str, content: str) -> str | None:
        row = self.con.execute(
            f"select {entity}_id from lake.registry.{entity}_link where content_id = ?", [content]
        ).fetchone()
        assert row, "not linked at all"
        return row[0]  # type: ignore[no-any-return]

    def rule_of(self, entity: str, content: str) -> str:
        row = self.con.execute(
            f"select link_rule from lake.registry.{entity}_link where content_id = ?", [content]
        ).fetchone()
        assert row
        return str(row[0])

    def links(self, entity: str) -> dict[str, tuple[str | None, str, float | None]]:
        """content → entity, rule, probability."""
        rows = self.con.execute(
            f"select content_id, {entity}_id, link_rule, link_probability from lake.registry.{entity}_link"
        ).fetchall()
        return {c: (e, r, p) for c, e, r, p in rows}

    def changes(self) -> list[tuple[str, str, str | None, str]]:
        return self.con.execute(
            "select entity, old_id, new_id, reason from lake.foundation.entity_change order by all"
        ).fetchall()

    def doubtful(self, entity: str) -> set[frozenset[str]]:
        """Pairs of units above the floor of the review list that stand in two entities."""
        rows = self.con.execute(
            f"""select left_key, right_key from lake.registry.{entity}_pair as pair
                join lake.registry.{entity} as l on l.cluster_key = left_key
                join lake.registry.{entity} as r on r.cluster_key = right_key
                where match_probability >= 0.3 and l.{entity}_id is distinct from r.{entity}_id"""
        ).fetchall()
        return {frozenset(pair) for pair in rows}
