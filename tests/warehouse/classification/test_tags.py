"""Tags: who carries which, since when and why; what is missing is named; a rule of another day does not count."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.warehouse.classification.ground import DAY, TagGround
from warehouse.classification.facts import FACTS, load_facts
from warehouse.classification.tag_sql import needed
from warehouse.classification.tags import Tag, load_tags, rules_version
from warehouse.errors import WrongUse

KEY_NAMES = {
    "living_alone_80", "deceased_still_paid", "child_without_id", "disabled", "low_income", "low_income_margin", "hazardous_chemicals",
}  # fmt: skip


@pytest.fixture
def city() -> TagGround:
    ground = TagGround()
    ground.deliver_all()
    return ground


# ---- the shipped rules -------------------------------------------------------------------------------------------------


def test_every_shipped_tag_can_be_told_from_what_is_under_contract(city: TagGround) -> None:
    tags, books = load_tags(), load_facts()
    assert len({t.tag for t in tags}) >= 80
    assert {t.tag for t in tags} >= KEY_NAMES
    assert {t.entity for t in tags} == {"person", "household", "organisation", "place"}
    unknown = {t.tag: needed(t, books) - set(city.contracts) for t in tags if needed(t, books) - set(city.contracts)}
    assert unknown == {}
    waiting = city.con.execute(f"select tag from ({city.sql('tag')}) where not is_applied").fetchall()
    assert waiting == []


def test_all_rules_run_on_a_lake_that_has_nothing_yet() -> None:
    ground = TagGround()
    assert ground.rows() == []
    rules = ground.con.execute(
        f"select count(*), count(*) filter (where is_applied) from ({ground.sql('tag')})"
    ).fetchone()
    assert rules is not None
    assert rules[0] == len(load_tags()) > rules[1]


def test_a_tag_waits_for_a_dataset_that_never_came() -> None:
    ground = TagGround()
    ground.resident("old", "1930-01-01")
    assert ground.outcomes("old_age_allowance_unpaid") == {}
    waits = ground.con.execute(
        f"select waits_for from ({ground.sql('tag')}) where tag = 'old_age_allowance_unpaid'"
    ).fetchone()
    assert waits == (["minzheng.gaoling_jintie"],)
    ground.deliver("minzheng.gaoling_jintie")
    assert ground.outcomes("old_age_allowance_unpaid") == {"old": "yes"}


# ---- living alone ------------------------------------------------------------------------------------------------------


def test_living_alone_is_about_the_door_not_the_household(city: TagGround) -> None:
    for door in ("d1", "d2", "d3", "d4"):
        city.place(door)
    city.resident("alone", "1940-01-01", household_id="H1", registered_place_id="d1")
    city.resident("with_wife", "1940-01-01", household_id="H2", registered_place_id="d2")
    city.resident("wife", "1942-01-01", household_id="H2", registered_place_id="d2")
    city.resident("with_lodger", "1940-01-01", household_id="H3", registered_place_id="d3")
    city.resident("lodger", "1990-01-01", household_id="H4", registered_place_id="d1", residence_place_id="d3")
    city.resident("young", "1990-01-01", household_id="H5", registered_place_id="d4")
    assert city.outcomes("living_alone_80") == {"alone": "yes"}


def test_somebody_only_registered_at_the_door_in_a_household_of_his_own_does_not_live_there(city: TagGround) -> None:
    city.place("d1")
    city.resident("old", "1940-01-01", household_id="H1", registered_place_id="d1", residence_place_id="d1")
    city.resident("registered", "1985-01-01", household_id="H2", registered_place_id="d1")
    assert city.outcomes("living_alone_80") == {"old": "yes"}


def test_the_dead_do_not_keep_company(city: TagGround) -> None:
    city.place("d1")
    city.resident("widow", "1940-01-01", household_id="H1", registered_place_id="d1")
    city.resident("dead", "1938-01-01", household_id="H1", registered_place_id="d1", is_alive=False)
    assert city.outcomes("living_alone_80") == {"widow": "yes"}


@pytest.mark.parametrize("place", ["building", None])
def test_without_a_door_nobody_can_tell_who_lives_alone(city: TagGround, place: str | None) -> None:
    if place:
        city.place(place, level="building", house_code=None)
    city.resident("old", "1940-01-01", household_id="H1", registered_place_id=place)
    row = city.row("living_alone_80", "old")
    assert row["outcome"] == "cannot_tell"
    assert row["evidence"]["missing"] == ["co_residents"]
    assert city.outcomes("elderly_80") == {"old": "yes"}


def test_two_of_one_household_at_an_unclear_address_are_not_alone(city: TagGround) -> None:
    city.place("building", level="building", house_code=None)
    for who in ("old", "son"):
        born = "1940-01-01" if who == "old" else "1970-01-01"
        city.resident(who, born, household_id="H1", registered_place_id="building")
    assert city.outcomes("living_alone_80") == {}


def test_whose_household_nobody_delivers_cannot_be_called_alone_where_others_are_registered(city: TagGround) -> None:
    city.place("d1")
    city.person("old", "1940-01-01", residence_place_id="d1")
    city.say("weijian.laonian_dangan", person="old")
    assert city.outcomes("living_alone_80") == {"old": "yes"}
    city.resident("someone", "1970-01-01", household_id="H1", registered_place_id="d1")
    assert city.outcomes("living_alone_80") == {"old": "cannot_tell"}


def test_a_room_the_library_lacks_is_a_door(city: TagGround) -> None:
    city.place("unit", level="unit", house_code=None)
    city.resident("old", "1940-01-01", household_id="H1", registered_place_id="unit")
    assert city.outcomes("living_alone_80") == {"old": "cannot_tell"}
    city.con.execute("update lake.intermediate.int_person__content set place_content_id = 'said'")
    city.put("registry.place_link", content_id="said", place_id="unit")
    city.put("intermediate.int_place__parsed", content_id="said", room_key="502")
    assert city.outcomes("living_alone_80") == {"old": "yes"}


# ---- payments, relief, certificates ------------------------------------------------------------------------------------


def test_the_dead_who_are_still_paid(city: TagGround) -> None:
    city.person("dead", "1938-01-01", is_alive=False, death_date="2026-03-01")
    city.say("minzheng.gaoling_jintie", person="dead", allowance_monthly_cny=50)
    city.person("paid", "1938-01-01")
    city.say("minzheng.gaoling_jintie", person="paid", allowance_monthly_cny=50)
    city.person("stopped", "1938-01-01", is_alive=False, death_date="2026-03-01")
    city.say("minzheng.gaoling_jintie", person="stopped", is_current=False, day=date(2026, 9, 30))
    city.say("minzheng.huohua", person="stopped")
    assert city.outcomes("deceased_still_paid") == {"dead": "yes"}
    assert city.row("deceased_still_paid", "dead")["since"] == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("kind", "income", "margin"),
    [
        ("城市低保", "yes", None),
        ("特困供养", "yes", None),
        ("低保边缘", None, "yes"),
        (None, "cannot_tell", "cannot_tell"),
    ],
)
def test_low_income_and_its_margin(city: TagGround, kind: str | None, income: str | None, margin: str | None) -> None:
    city.person("poor")
    city.say("minzheng.dibao", person="poor", relief_kind=kind, included_on="2020-05-01")
    city.resident("other")
    assert city.outcomes("low_income").get("poor") == income
    assert city.outcomes("low_income_margin").get("poor") == margin
    assert "other" not in city.outcomes("low_income") | city.outcomes("low_income_margin")
    if income == "cannot_tell":
        assert city.row("low_income", "poor")["evidence"]["missing"] == ["relief_kind"]
    if income == "yes":
        assert city.row("low_income", "poor")["since"] == date(2020, 5, 1)


def test_who_left_the_roll_is_no_longer_on_it(city: TagGround) -> None:
    city.resident("was")
    city.say("minzheng.dibao", person="was", relief_kind="城市低保", is_current=False, day=date(2026, 9, 30))
    assert city.outcomes("low_income") == {}


def test_a_cancelled_certificate_makes_nobody_disabled(city: TagGround) -> None:
    for who, status in (("valid", "正常"), ("unsaid", None), ("cancelled", "注销")):
        city.resident(who)
        city.say(
            "canlian.canjiren_zheng",
            person=who,
            certificate_status=status,
            disability_level="1",
            valid_until="2030-01-01",
        )
    assert city.outcomes("disabled") == {"valid": "yes", "unsaid": "yes"}
    row = city.row("disabled", "valid")
    assert row["until"] == date(2030, 1, 1)
    assert row["evidence"]["sources"] == {"canlian.canjiren_zheng": str(DAY)}
    assert row["evidence"]["inputs"]["is_certified_disabled"] is True


# ---- children ----------------------------------------------------------------------------------------------------------


def test_a_child_without_a_number(city: TagGround) -> None:
    city.person("newborn", "2026-08-01")
    city.say("yibao.canbao", person="newborn", number=None)
    city.person("zeros", "2026-08-01")
    city.say("yibao.canbao", person="zeros", number="0000")
    city.resident("left_out", "2018-01-01")
    city.say("jiaoyu.xueji", person="left_out", number=None)
    city.person("damaged", "2018-01-01")
    city.say("jiaoyu.xueji", person="damaged", number="3.70602E+17")
    city.resident("sound", "2018-01-01")
    city.person("grown", "1990-01-01")
    city.say("yibao.canbao", person="grown", number=None)
    city.person("ageless", None)
    city.say("yibao.canbao", person="ageless", number=None)
    assert city.outcomes("child_without_id") == {
        "newborn": "yes", "zeros": "yes", "left_out": "yes", "ageless": "cannot_tell",
    }  # fmt: skip
    assert city.row("child_without_id", "ageless")["evidence"]["missing"] == ["age_years"]


def test_a_foreign_child_needs_no_citizen_number(city: TagGround) -> None:
    city.person("guest", "2018-01-01")
    city.say("jiaoyu.xueji", person="guest", number=None)
    city.con.execute("update lake.intermediate.int_person__content set id_type = '414'")
    assert city.outcomes("child_without_id") == {}


def test_a_child_with_none_but_the_old(city: TagGround) -> None:
    city.place("d1")
    city.resident("grandmother", "1955-01-01", household_id="H1", registered_place_id="d1")
    city.resident("child", "2016-01-01", household_id="H1", registered_place_id="d1")
    assert city.outcomes("left_behind_child") == {"child": "yes"}
    city.resident("father", "1985-01-01", household_id="H1", registered_place_id="d1")
    assert city.outcomes("left_behind_child") == {}


# ---- households, organisations, places ---------------------------------------------------------------------------------


def test_a_household_of_the_old_only(city: TagGround) -> None:
    city.household("old")
    city.household("mixed")
    city.household("unknown")
    for who, household, born in (
        ("a", "old", "1950-01-01"), ("b", "old", "1952-01-01"), ("c", "mixed", "1950-01-01"), ("d", "mixed", "1990-01-01"),
        ("e", "unknown", "1950-01-01"), ("f", "unknown", None),
    ):  # fmt: skip
        city.resident(who, born, household_id=household)
    assert city.outcomes("elderly_only_household") == {"old": "yes", "unknown": "cannot_tell"}
    assert city.row("elderly_only_household", "unknown")["evidence"]["missing"] == ["birth_date"]


def test_hazardous_firms_and_what_they_have_not_put_right(city: TagGround) -> None:
    for firm, status in (("late", "逾期未整改"), ("done", "已整改")):
        city.organisation(firm, place_id="site")
        city.say("yingji.weihua", organisation=firm, hazard_level="重大", status=status, due_on="2026-09-01")
    city.organisation("shop")
    city.say("shichang.zhuti", organisation="shop")
    city.place("site")
    assert city.outcomes("hazardous_chemicals") == {"late": "yes", "done": "yes"}
    assert city.outcomes("major_hazard_open") == {"late": "yes"}
    assert city.outcomes("hazardous_site") == {"site": "yes"}


def test_losses_of_two_years_in_a_row(city: TagGround) -> None:
    years = {"always": {2024: -5, 2025: -1}, "once": {2024: 5, 2025: -1}, "gap": {2022: -5, 2025: -1}, "new": {2025: -1},
             "unsaid": {2024: None, 2025: -1}}  # fmt: skip
    for firm, incomes in years.items():
        city.organisation(firm)
        for year, income in incomes.items():
            city.say("shuiwu.nashui", organisation=firm, tax_year=year, taxable_income_cny=income)
    assert city.outcomes("consecutive_losses") == {"always": "yes", "new": "cannot_tell", "unsaid": "cannot_tell"}
    assert city.row("consecutive_losses", "unsaid")["evidence"]["missing"] == ["taxable_income_before_cny"]


def test_a_return_filed_again_replaces_that_of_its_year(city: TagGround) -> None:
    for firm, incomes in {"worse": (5, -1), "better": (-1, 5)}.items():
        city.organisation(firm)
        city.say("shuiwu.nashui", organisation=firm, tax_year=2024, taxable_income_cny=-5)
        for income in incomes:
            city.say("shuiwu.nashui", organisation=firm, tax_year=2025, taxable_income_cny=income)
    assert city.outcomes("consecutive_losses") == {"worse": "yes"}
    told = city.row("consecutive_losses", "worse")["evidence"]["inputs"]
    assert (told["tax_year"], told["tax_year_before"], told["taxable_income_before_cny"]) == (2025, 2024, -5)


def test_an_amount_as_large_as_its_column_holds_stops_nothing(city: TagGround) -> None:
    city.place("d")
    city.organisation("firm", capital_cny=10**15)
    city.household("H", "d")
    city.resident("member", household_id="H")
    city.say("zhujian.fangwu", house_code="d", area_m2=10**25, use_kind="住宅")
    city.say("shuiwu.nashui", organisation="firm", tax_year=2025, taxable_income_cny=10**21, revenue_cny=10**21)
    city.say(
        "shuiwudian.yongliang",
        house_code="d",
        energy_kind="水",
        billing_month="2026-10",
        usage_quantity=10**24,
        account_number="a",
    )
    city.say(
        "shuiwudian.yongliang",
        house_code="d",
        energy_kind="水",
        billing_month="2026-10",
        usage_quantity=9 * 10**24,
        account_number="b",
    )
    city.rows()
    areas = city.con.execute(
        "select home_area_m2 from lake.intermediate.int_household__fact union all "
        "select water_quarter_m3 from lake.intermediate.int_place__fact where place_id = 'd'"
    ).fetchall()
    assert areas == [(10**25,), (10**25,)]


def test_a_home_that_uses_water_and_has_nobody(city: TagGround) -> None:
    for door, used in (("used", 5), ("empty", 0)):
        city.place(door)
        city.say("zhujian.fangwu", house_code=door, use_kind="住宅")
        for kind in ("水", "电"):
            for month in ("2026-08", "2026-09", "2026-10"):
                city.say("shuiwudian.yongliang", house_code=door, energy_kind=kind, billing_month=month, usage_quantity=used,
                         account_number=door)  # fmt: skip
    assert city.outcomes("used_without_resident") == {"used": "yes"}
    assert city.outcomes("vacant_home") == {"empty": "yes"}


# ---- dated rules, and rules somebody adds ------------------------------------------------------------------------------

GROUP = """
group: {group}
name: 试验
owner: 试验科
entity: person
among: is_alive and is_resident
inputs: [is_alive, is_resident]
tags:
"""
TAG = """
  - tag: {tag}
    name: 试验标签
    definition: 试验用的定义
    source: 试验规定第一条
    inputs: [{inputs}]
    when: {when}
    valid_from: {since}
"""


def rules(folder: Path, *tags: dict[str, str], group: str = "trial", head: str = GROUP) -> tuple[Tag, ...]:
    text = head.format(group=group)
    for tag in tags:
        said = {"tag": "trial_tag", "inputs": "age_years", "when": "age_years >= 70", "since": "2020-01-01", **tag}
        text += TAG.format(**said) + (f"    valid_to: {said['until']}\n" if "until" in said else "")
    (folder / f"{group}.yaml").write_text(text, encoding="utf-8")
    return load_tags.__wrapped__(folder)  # the file changes under the same name


def test_a_tag_is_one_entry_in_one_file(city: TagGround, tmp_path: Path) -> None:
    city.resident("old", "1940-01-01")
    city.resident("young", "1990-01-01")
    tags = rules(tmp_path, {"tag": "seventy"})
    assert city.outcomes("seventy", tags) == {"old": "yes"}
    listed = city.con.execute(f"select tag, name, group_name, is_applied from ({city.sql('tag', tags)})").fetchall()
    assert listed == [("seventy", "试验标签", "试验", True)]


def test_the_rule_of_the_day_counts(city: TagGround, tmp_path: Path) -> None:
    city.resident("sixty", "1965-01-01")
    old = {"when": "age_years >= 60", "until": "2026-01-01"}
    new = {"when": "age_years >= 65", "since": "2026-01-01"}
    tags = rules(tmp_path, old, new)
    assert city.outcomes("trial_tag", tags) == {}
    city.con.execute("update lake.foundation.delivery set delivered_on = date '2025-12-31', file = 'x_20251231.csv'")
    assert city.outcomes("trial_tag", tags) == {"sixty": "yes"}


def test_the_day_is_the_one_the_files_name(city: TagGround) -> None:
    city.resident("almost", "1946-11-15")
    city.put("foundation.delivery", delivery_id="x", dataset="minzheng.sheshi", file="设施.xlsx", delivered_on=date(2026, 11, 23),
             status="taken")  # fmt: skip
    assert city.outcomes("elderly_80") == {}


def test_rows_of_a_set_are_told_by_a_fact_that_exists(tmp_path: Path) -> None:
    books = load_facts()
    assert books["organisation"].presence()["revenue_before_cny"] == "is_taxpayer"
    for entity in books:
        text = (FACTS / f"{entity}.yaml").read_text(encoding="utf-8")
        (tmp_path / f"{entity}.yaml").write_text(text.replace("rows: is_taxpayer", "rows: is_payer"), encoding="utf-8")
    with pytest.raises(WrongUse, match=r"organisation\.yaml.*'is_payer'"):
        load_facts(tmp_path)


def test_another_rule_makes_another_version(tmp_path: Path) -> None:
    books = load_facts()
    first = rules_version(rules(tmp_path, {}), books)
    assert first == rules_version(rules(tmp_path, {}), books)
    assert first != rules_version(rules(tmp_path, {"when": "age_years >= 71"}), books)


@pytest.mark.parametrize(
    ("tag", "fault"),
    [
        ({"inputs": "age_years, shoe_size"}, "'shoe_size' is no fact of person"),
        ({"when": "age_years >>> 3 and"}, "when: "),
        ({"when": "age_years >= 70 and sex_code = '1'"}, "sex_code"),
        ({"inputs": "age_years, sex_code"}, "the input 'sex_code' is not used"),
        ({"when": "age_years >= (select 70)"}, "no SELECT"),
        ({"when": "max(age_years) > 70"}, "aggregate"),
        ({"when": "age_years > 70 and current_date > as_of"}, "use as_of"),
        ({"when": "age_years > 70 and now() > as_of"}, "use as_of"),
        ({"when": "age_years"}, None),
        ({"when": "1; drop table x"}, "when: "),
        ({"when": "age_years > 70) or (true"}, "when: "),
        ({"when": "true where age_years > 70"}, "one expression"),
        ({"when": "age_years > 70, true"}, "one expression"),
        ({"tag": "BadName"}, "tag"),
        ({"until": "2019-01-01"}, "is not after"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_file_and_tag(
    tmp_path: Path, tag: dict[str, str], fault: str | None
) -> None:
    if fault is None:
        rules(tmp_path, tag)
        return
    with pytest.raises(Exception, match=r"trial\.yaml.*tag") as refused:
        rules(tmp_path, tag)
    assert fault in str(refused.value)
    assert tag.get("tag", "trial_tag") in str(refused.value)


def test_a_name_means_one_thing(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="two rules apply on 2021-01-01"):
        rules(tmp_path, {}, {"since": "2021-01-01"})
    rules(tmp_path, {})
    with pytest.raises(Exception, match=r"the name is taken by a tag of person in another\.yaml|taken"):
        rules(tmp_path, {}, group="another")


def test_a_word_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"trial\.yaml.*colour"):
        rules(tmp_path, {}, head=GROUP.replace("owner: 试验科", "owner: 试验科\ncolour: red"))
