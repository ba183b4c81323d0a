"""A lake in memory with the tables tags are made from: say rows and records, then ask who carries what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any

import duckdb
import jinja2

from ingestion.contracts import Contracts, load_contracts
from warehouse.classification.facts import load_facts
from warehouse.classification.tag_sql import entity_tag_sql, fact_model, fact_sql, made, tag_sql
from warehouse.classification.tags import Tag, load_tags
from warehouse.lake import quote

DAY = date(2026, 10, 31)
_TYPES = {"date": "date", "timestamp": "timestamp", "integer": "bigint", "amount": "decimal(24, 2)",
          "decimal": "decimal(28, {scale})", "usage": "decimal(28, 3)", "coordinate": "double"}  # fmt: skip
_LOCATOR = (
    "dataset varchar, file varchar, sheet varchar, row_number bigint, delivery_id varchar, received_at timestamp, "
    "delivered_on date"
)
_TABLES = {
    "foundation.delivery": "delivery_id varchar, dataset varchar, file varchar, kind varchar, delivered_on date, "
    "received_at timestamp, status varchar",
    "foundation.person": "person_id varchar, id_type varchar, id_number varchar, birth_date date, death_date date, sex_code varchar, "
    "ethnic_code varchar, is_alive boolean, household_id varchar, area_code varchar, residence_place_id varchar, "
    "registered_place_id varchar",
    "foundation.household": "household_id varchar, place_id varchar, source varchar, size bigint",
    "foundation.organisation": "organisation_id varchar, uscc varchar, name varchar, kind varchar, status varchar, "
    "industry_code varchar, registered_on date, closed_on date, capital_cny decimal(18, 2), legal_person_id varchar, "
    "place_id varchar, grid_code varchar",
    "foundation.place": "place_id varchar, parent_place_id varchar, level varchar, community_code varchar, grid_code varchar, "
    "longitude double, latitude double, house_code varchar",
    "foundation.event": "event_id varchar, occurred_at timestamp, place_id varchar, reports bigint",
    "foundation.facility": "facility_id varchar, kind_code varchar, place_id varchar",
    "foundation.person_mention": f"{_LOCATOR}, person_id varchar, role varchar, is_current boolean, content_id varchar",
    "foundation.organisation_mention": f"{_LOCATOR}, organisation_id varchar, role varchar, is_current boolean, content_id varchar",
    "intermediate.int_person__content": "content_id varchar, id_type varchar, id_number varchar, number_said varchar, "
    "place_content_id varchar",
    "intermediate.int_place__parsed": "content_id varchar, room_key varchar",
    "intermediate.int_delivery__current": "dataset varchar, delivered_on date, delivery_id varchar",
    "registry.place_link": "content_id varchar, place_id varchar",
}


class TagGround:
    """`person(...)`, `place(...)` … write golden records, `say(...)` a row of a dataset with its mention."""

    def __init__(self, path: str = ":memory:") -> None:
        self.contracts: Contracts = load_contracts()
        self.con = duckdb.connect()
        self.con.execute(f"attach '{path}' as lake; use lake")
        for schema in ("foundation", "intermediate", "staging", "registry"):
            self.con.execute(f"create schema lake.{schema}")
        for name, columns in _TABLES.items():
            self.con.execute(f"create table lake.{name} ({columns})")
        for contract in self.contracts.values():
            columns = ", ".join(
                f"{quote(c.name)} {_TYPES.get(c.custom.standard.kind, 'varchar').format(scale=c.custom.standard.options.get('scale', 6))}"
                for c in contract.columns
            )
            self.con.execute(
                f"create table lake.staging.stg_{contract.model_name} ({_LOCATOR}, row_key varchar, {columns})"
            )
        self._rows = 0

    def put(self, table: str, **values: Any) -> None:
        """One row; what is not named is null."""
        names = ", ".join(quote(n) for n in values)
        marks = ", ".join("?" for _ in values)
        self.con.execute(f"insert into lake.{table} ({names}) values ({marks})", list(values.values()))

    def deliver(self, dataset: str, day: date = DAY) -> str:
        """The dataset's delivery of a day, made when it is first named; returns its id."""
        delivery = f"{dataset} {day}"
        known = self.con.execute("select 1 from lake.foundation.delivery where delivery_id = ?", [delivery]).fetchone()
        if not known:
            kind = self.contracts[dataset].custom.delivery.kind
            self.put("foundation.delivery", delivery_id=delivery, dataset=dataset, file=f"{dataset}_{day:%Y%m%d}.csv",
                     kind=kind, delivered_on=day, received_at=day, status="taken")  # fmt: skip
            self.con.execute("delete from lake.intermediate.int_delivery__current where dataset = ?", [dataset])
            self.put("intermediate.int_delivery__current", dataset=dataset, delivered_on=day, delivery_id=delivery)
        return delivery

    def deliver_all(self) -> None:
        for dataset in self.contracts:
            self.deliver(dataset)

    def person(self, key: str, born: str | None = "1980-01-01", **values: Any) -> str:
        self.put(
            "foundation.person", **{"person_id": key, "birth_date": born, "is_alive": True, "id_type": "111", **values}
        )
        return key

    def organisation(self, key: str, **values: Any) -> str:
        self.put("foundation.organisation", organisation_id=key, **values)
        return key

    def place(self, key: str, **values: Any) -> str:
        self.put("foundation.place", **{"place_id": key, "level": "room", "house_code": key, **values})
        return key

    def household(self, key: str, place: str | None = None) -> str:
        self.put("foundation.household", household_id=key, place_id=place, source="register")
        return key

    def say(
        self, dataset: str, *, person: str | None = None, organisation: str | None = None, role: str = "subject",
        day: date = DAY, is_current: bool = True, number: str | None = "370602198001010011", **values: Any,
    ) -> None:  # fmt: skip
        """One row of a dataset and what it mentions. `number` is the person's number as the row says it."""
        self._rows += 1
        locator = {"dataset": dataset, "file": dataset, "row_number": self._rows, "delivery_id": self.deliver(dataset, day),
                   "received_at": day, "delivered_on": day}  # fmt: skip
        self.put(f"staging.stg_{self.contracts[dataset].model_name}", **locator, **values)
        content = f"content {self._rows}"
        for entity, key in (("person", person), ("organisation", organisation)):
            if key is not None:
                self.put(f"foundation.{entity}_mention", **locator, **{f"{entity}_id": key}, role=role,
                         is_current=is_current, content_id=content)  # fmt: skip
        if person is not None:
            self.put("intermediate.int_person__content", content_id=content, id_type="111", number_said=number,
                     id_number=number if number and len(number) == 18 else None)  # fmt: skip

    def resident(self, key: str, born: str | None = "1980-01-01", *, number: str | None = "370602198001010011",
                 **values: Any) -> str:  # fmt: skip
        """A living person of the police register."""
        self.person(key, born, **values)
        self.say("gongan.changzhu", person=key, number=number, relation_code="01")
        return key

    def sql(self, model: str, tags: Sequence[Tag] | None = None) -> str:
        """What dbt would run: the model with its Jinja filled in. The facts that `entity_tag` reads are made first."""
        used, books = tuple(tags) if tags is not None else load_tags(), load_facts()
        if model == "tag":
            return self._filled_in(tag_sql(used, books, set(self.contracts)))
        for entity in made(used, books):
            facts = self._filled_in(fact_sql(entity, used, books, set(self.contracts)))
            self.con.execute(f"create or replace table lake.intermediate.{fact_model(entity)} as {facts}")
        return self._filled_in(entity_tag_sql(used, books, set(self.contracts)))

    def _filled_in(self, text: str) -> str:
        schemas = {n.split(".")[1]: n for n in _TABLES} | {
            n: f"intermediate.{n}" for n in map(fact_model, load_facts())
        }
        delivered = [
            SimpleNamespace(id=r[0])
            for r in self.con.execute("select distinct dataset from lake.foundation.delivery").fetchall()
        ]
        return (
            jinja2.Environment(autoescape=False)
            .from_string(text)
            .render(
                ref=lambda name: f"lake.{schemas.get(name, 'staging.' + name)}", delivered_contracts=lambda: delivered
            )
        )

    def rows(self, tags: Sequence[Tag] | None = None) -> list[dict[str, Any]]:
        """entity_tag."""
        found = self.con.execute(self.sql("entity_tag", tags))
        names = [d[0] for d in found.description or ()]
        return [
            {**dict(zip(names, row, strict=True)), "evidence": json.loads(row[names.index("evidence")])}
            for row in found.fetchall()
        ]

    def outcomes(self, tag: str, tags: Sequence[Tag] | None = None) -> dict[str, str]:
        """entity id → outcome of one tag."""
        chosen = [t for t in (tags if tags is not None else load_tags()) if t.tag == tag]
        return {row["entity_id"]: row["outcome"] for row in self.rows(chosen)}

    def row(self, tag: str, entity_id: str) -> dict[str, Any]:
        chosen = [t for t in load_tags() if t.tag == tag]
        return next(r for r in self.rows(chosen) if r["entity_id"] == entity_id)
