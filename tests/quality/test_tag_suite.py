"""The gate over tags finds what must not be, and only that."""

from __future__ import annotations

import pytest

from quality.suites.tags import tag_suite
from tests.warehouse.classification.ground import TagGround


@pytest.fixture
def city() -> TagGround:
    ground = TagGround()
    ground.deliver_all()
    ground.resident("old", "1940-01-01", household_id="H1")
    ground.household("H1")
    ground.con.execute(f"create table lake.foundation.entity_tag as {ground.sql('entity_tag')}")
    return ground


def failures(ground: TagGround) -> dict[str, int]:
    suite = tag_suite()
    columns = ", ".join(f"{c.failed} as {c.name}" for c in suite.checks)
    found = ground.con.execute(f"select {columns} from ({suite.profile})").fetchall()
    return {c.name: n for c, n in zip(suite.checks, found[0], strict=True) if n}


def test_tags_as_made_pass(city: TagGround) -> None:
    assert city.con.execute("select count(distinct outcome) from lake.foundation.entity_tag").fetchone() == (2,)
    assert failures(city) == {}


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        ("delete from lake.foundation.person", "entity_exists"),
        ("insert into lake.foundation.entity_tag from lake.foundation.entity_tag limit 1", "tag_unique"),
        ("update lake.foundation.entity_tag set outcome = 'no' where tag = 'elderly_80'", "outcome_in_set"),
        ("update lake.foundation.entity_tag set evidence = null where tag = 'elderly_80'", "reason_given"),
        ("update lake.foundation.entity_tag set outcome = 'cannot_tell' where tag = 'elderly_80'", "reason_given"),
        ("update lake.foundation.entity_tag set until = since - 1 where tag = 'elderly_80'", "since_before_until"),
    ],
)
def test_what_must_not_be_is_found(city: TagGround, spoil: str, found: str) -> None:
    city.con.execute(spoil)
    assert list(failures(city)) == [found]
