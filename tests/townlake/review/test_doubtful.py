"""The review list: what is put before a person, what is not, and what the person sees; and that decisions are obeyed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.warehouse.fusion import SmallLake
from townlake.review import ledger, sides
from townlake.review.doubtful import NO_LEAD, Doubt, doubts
from warehouse import reviews
from warehouse.errors import WrongUse
from warehouse.linkage.spec import load

MORE = """
create table lake.intermediate.int_place__content as select null::varchar as content_id, null::varchar as address where false;
create table lake.foundation.place (place_id varchar, standard_address varchar);
create table lake.staging.ethnic_group as select '02' as ethnic_code, '蒙古族' as name;
create or replace view lake.intermediate.int_person__mention as
    select content_id, dataset, 'd' as delivery_id, first_mention.delivered_on as delivered_on from lake.intermediate.int_person__content;
"""
FATHER, SON = "370602197003121231", "370602199503121238"
PHONE = "13812345678"


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    made = SmallLake(tmp_path)
    made.con.execute(MORE)
    reviews.prepare(made.con)
    return made


def open_pairs(lake: SmallLake) -> list[Doubt]:
    decided = lake.con.execute("select entity, left_content, right_content from lake.registry.link_decision").pl()
    return doubts(lake.con, {}, load("person"), decided)


def two_namesakes_and_a_guardian(lake: SmallLake) -> tuple[str, str, str]:
    """Father and son of one rare name and one telephone, and a school's row that names one of them."""
    father = lake.person("拓跋骁", id_number=FATHER, phone=PHONE, birth_date="1970-03-12")
    son = lake.person("拓跋骁", id_number=SON, phone=PHONE, birth_date="1995-03-12", ethnic_code="02")
    named = lake.person("拓跋骁", dataset="jiaoyu.xueji", role="guardian", phone=PHONE)
    lake.link()
    return father, son, named


def test_several_that_fit_alike_are_listed_with_what_each_side_says(lake: SmallLake) -> None:
    father, son, named = two_namesakes_and_a_guardian(lake)
    found = [d for d in open_pairs(lake) if named in (d.left_content, d.right_content)]
    assert {frozenset((d.left_content, d.right_content)) for d in found} == {
        frozenset((father, named)),
        frozenset((son, named)),
    }
    assert {d.reason for d in found} == {NO_LEAD}
    one = next(d for d in found if son in (d.left_content, d.right_content))
    registered, loose = (one.left, one.right) if one.left_content == son else (one.right, one.left)
    assert registered["name"] == loose["name"] == ["拓跋骁"]
    assert registered["number"] == [SON[:6] + "*" * 8 + SON[-4:]]
    assert registered["birth_date"] == ["1995-03-12"]
    assert registered["ethnic"] == ["蒙古族"]
    assert loose["sources"] == ["jiaoyu.xueji（监护人），2026-01-31"]
    assert ("电话", "电话相同") in {(c, level) for c, level, _ in one.evidence}


def test_what_fits_its_own_clearly_better_is_not_asked(lake: SmallLake) -> None:
    lake.person("拓跋骁", id_number=FATHER, phone=PHONE, birth_date="1970-03-12")
    lake.person("拓跋骁", id_number=SON, phone=PHONE, birth_date="1995-03-12")
    named = lake.person("拓跋骁", dataset="weijian.laonian_dangan", phone=PHONE, birth_date="1970-03-12", row_key="r1")
    lake.link()
    assert lake.entity_of("person", named) is not None
    assert not [d for d in open_pairs(lake) if named in (d.left_content, d.right_content)]


@pytest.mark.parametrize("verdict", [reviews.SAME, reviews.OTHER, reviews.UNSURE])
def test_what_was_decided_is_not_asked_again_before_or_after_the_build(lake: SmallLake, verdict: str) -> None:
    father, _, named = two_namesakes_and_a_guardian(lake)
    ledger.decide(lake.con, "person", father, named, verdict=verdict, by="王核", reason="问过")
    asked = {frozenset((d.left_content, d.right_content)) for d in open_pairs(lake)}
    assert frozenset((father, named)) not in asked
    lake.link()
    asked = {frozenset((d.left_content, d.right_content)) for d in open_pairs(lake)}
    assert frozenset((father, named)) not in asked


def test_a_decision_joins_and_the_other_pair_is_settled_by_it(lake: SmallLake) -> None:
    father, son, named = two_namesakes_and_a_guardian(lake)
    ledger.decide(lake.con, "person", named, father, verdict=reviews.SAME, by="王核", reason="户口簿")
    lake.link()
    assert lake.entity_of("person", named) == lake.entity_of("person", father) != lake.entity_of("person", son)
    assert lake.rule_of("person", named) == "decided"
    assert not [d for d in open_pairs(lake) if named in (d.left_content, d.right_content)]


def test_the_newest_decision_on_a_pair_counts_in_either_order_and_the_history_stays(lake: SmallLake) -> None:
    father, _, named = two_namesakes_and_a_guardian(lake)
    for left, right, verdict in (
        (father, named, reviews.SAME), (named, father, reviews.OTHER), (father, named, reviews.SAME), (named, father, reviews.OTHER),
    ):  # fmt: skip
        ledger.decide(lake.con, "person", left, right, verdict=verdict, by="王核", reason="再核")
        lake.link()
        joined = lake.entity_of("person", named) == lake.entity_of("person", father)
        assert joined is (verdict == reviews.SAME)
    assert lake.con.execute("select count(*) from lake.registry.link_decision").fetchone() == (4,)


def test_parting_one_pair_leaves_everybody_else_as_they_were(lake: SmallLake) -> None:
    two_namesakes_and_a_guardian(lake)
    other = lake.person("呼延灼", id_number="370602198001010010", phone="13900000001", birth_date="1980-01-01")
    loose = lake.person(
        "呼延灼", dataset="weijian.laonian_dangan", phone="13900000001", birth_date="1980-01-01", row_key="r2"
    )
    lake.link()
    assert lake.entity_of("person", loose) == lake.entity_of("person", other)
    son = lake.con.execute(
        "select content_id from lake.intermediate.int_person__content where id_number = ?", [SON]
    ).fetchone()
    named = lake.con.execute(
        "select content_id from lake.intermediate.int_person__content where role = 'guardian'"
    ).fetchone()
    assert son
    assert named
    ledger.decide(lake.con, "person", son[0], named[0], verdict=reviews.OTHER, by="王核", reason="问过")
    lake.link()
    assert lake.entity_of("person", loose) == lake.entity_of("person", other)


def test_decisions_that_cannot_all_hold_are_refused_naming_the_earlier_ones(lake: SmallLake) -> None:
    father, son, named = two_namesakes_and_a_guardian(lake)
    ledger.decide(lake.con, "person", father, named, verdict=reviews.SAME, by="王核", reason="一")
    ledger.decide(lake.con, "person", father, son, verdict=reviews.OTHER, by="李审", reason="二")
    with pytest.raises(WrongUse, match=r"contradicts.*(王核|李审)"):
        ledger.decide(lake.con, "person", son, named, verdict=reviews.SAME, by="赵六", reason="三")
    ledger.decide(lake.con, "person", father, named, verdict=reviews.UNSURE, by="王核", reason="看错了")
    ledger.decide(lake.con, "person", son, named, verdict=reviews.SAME, by="赵六", reason="三")
    lake.link()
    assert lake.entity_of("person", named) == lake.entity_of("person", son)


def test_ids_of_entities_and_beginnings_of_contents_are_understood(lake: SmallLake) -> None:
    father, son, named = two_namesakes_and_a_guardian(lake)
    entity = lake.entity_of("person", father)
    assert entity
    answer = ledger.decide(lake.con, "person", entity, named[:12], verdict=reviews.OTHER, by="王核", reason="问过")
    assert (answer["left_content"], answer["right_content"]) == (father, named)
    for wrong in ("P0", named[:3], "f" * 32):
        with pytest.raises(WrongUse, match="means no person"):
            ledger.decide(lake.con, "person", wrong, son, verdict=reviews.SAME, by="王核", reason="问过")
    with pytest.raises(WrongUse, match="nothing is decided about 'place'"):
        ledger.decide(lake.con, "place", father, son, verdict=reviews.SAME, by="王核", reason="问过")
    with pytest.raises(WrongUse, match="nothing to decide"):
        ledger.decide(lake.con, "person", entity, father, verdict=reviews.SAME, by="王核", reason="问过")
    with pytest.raises(WrongUse, match="a name and a reason"):
        ledger.decide(lake.con, "person", father, son, verdict=reviews.SAME, by="王核", reason=" ")


def test_two_people_on_one_number_are_parted(lake: SmallLake) -> None:
    right = lake.person("呼延灼", id_number=FATHER, birth_date="1970-03-12")
    wrong = lake.person("公孙胜", id_number=FATHER, dataset="yibao.canbao", row_key="y1")
    lake.link()
    assert lake.entity_of("person", right) == lake.entity_of("person", wrong)
    ledger.decide(lake.con, "person", right, wrong, verdict=reviews.OTHER, by="王核", reason="号码登错")
    lake.link()
    assert lake.entity_of("person", right) != lake.entity_of("person", wrong)


@pytest.mark.parametrize(
    ("number", "others", "shown"),
    [
        (FATHER, [], "370602********1231"),
        (FATHER, [FATHER], "370602********1231"),
        (FATHER, ["370602197103121231"], FATHER),  # the difference would be hidden
        (FATHER, [SON], "370602********1231"),  # it is not
        ("G1234567", [], "G1234567"),
    ],
)
def test_a_number_is_masked_where_that_hides_no_difference(number: str, others: list[str], shown: str) -> None:
    assert sides.mask(number, others) == shown


@pytest.mark.parametrize(
    ("decisions", "torn"),
    [
        ([("a", "b", "same"), ("b", "c", "same"), ("a", "c", "other")], {0, 1, 2}),
        ([("a", "b", "same"), ("b", "c", "same"), ("c", "d", "other")], set()),
        ([("a", "b", "same"), ("a", "b", "other")], {0, 1}),
        ([("a", "b", "same"), ("b", "c", "unsure"), ("a", "c", "other")], set()),
        ([("x", "y", "same"), ("a", "b", "same"), ("c", "b", "same"), ("c", "a", "other")], {1, 2, 3}),
    ],
)
def test_contradictions(decisions: list[tuple[str, str, str]], torn: set[int]) -> None:
    assert set(reviews.contradictory(decisions)) == torn
