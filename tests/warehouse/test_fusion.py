"""Which mentions become one entity, case by case: what identifies, what only resembles, and what people decided."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.warehouse.fusion import SmallLake
from warehouse.linkage import clusters, pairs, registry, units

if TYPE_CHECKING:
    import duckdb

    from warehouse.linkage.spec import Spec

A, B = "370602198203121239", "370602198203121247"
"""Two sound numbers of one birthday; the first fifteen digits differ from nobody's else's here."""


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    return SmallLake(tmp_path)


def test_a_number_makes_one_person_of_all_its_mentions(lake: SmallLake) -> None:
    said = [lake.person("王建国", id_number=A, dataset=d) for d in ("gongan.changzhu", "yibao.canbao", "renshe.shebao")]
    other = lake.person("王建国", id_number=B)
    lake.link()
    assert len({lake.entity_of("person", c) for c in said}) == 1
    assert lake.entity_of("person", other) != lake.entity_of("person", said[0])
    assert lake.rule_of("person", said[0]) == "verified_identifier"


@pytest.mark.parametrize("left", [A[:15] + "000", A[:15] + "616", "370602198203121", "3.70602E+17"])
def test_what_a_spreadsheet_left_of_a_number_still_tells_who_is_meant(lake: SmallLake, left: str) -> None:
    sound = lake.person("王建国", id_number=A, birth_date="1982-03-12", sex_code="1", phone="13800000001")
    other = lake.person("李秀英", id_number="370681195507230028", birth_date="1955-07-23", sex_code="2")
    hurt = lake.person(
        "王建国", number_said=left, birth_date="1982-03-12", sex_code="1", dataset="yibao.canbao", row_key="7"
    )
    lake.link()
    assert lake.entity_of("person", hurt) == lake.entity_of("person", sound) != lake.entity_of("person", other)
    assert lake.rule_of("person", hurt) == "probabilistic"


@pytest.mark.parametrize(("registered", "said"), [("龚玥", "龚月"), ("刘建国", "劉建國"), ("张伟强", "张炜强")])
def test_homophones_and_variants_of_a_name(lake: SmallLake, registered: str, said: str) -> None:
    sound = lake.person(registered, id_number=A, birth_date="1982-03-12", phone="13800000001", at="door|1")
    child = lake.person(said, birth_date="1982-03-12", phone="13800000001", dataset="yibao.canbao")
    lake.link()
    assert lake.entity_of("person", child) == lake.entity_of("person", sound)


def test_twins_stay_two(lake: SmallLake) -> None:
    """Same birthday, address and parents' telephone, names one sign apart: nothing but the name tells them apart."""
    home = {"birth_date": "2020-05-01", "phone": "13800000002", "at": "door|7", "sex_code": "1"}
    elder = lake.person("赵子轩", id_number="370602202005010016", **home)
    younger = lake.person("赵子涵", dataset="yibao.canbao", **home)
    known = lake.person("赵子轩", dataset="jiaoyu.xueji", **home)
    lake.link()
    assert lake.entity_of("person", younger) != lake.entity_of("person", elder)
    assert lake.entity_of("person", known) == lake.entity_of("person", elder)


def test_father_and_son_of_one_name_at_one_address(lake: SmallLake) -> None:
    father = lake.person(
        "孙永", id_number="370602195501010019", birth_date="1955-01-01", at="door|9", phone="13800000003"
    )
    son = lake.person("孙永", id_number="370602198101010012", birth_date="1981-01-01", at="door|9", phone="13800000003")
    unnumbered = lake.person("孙永", birth_date="1981-01-01", at="door|9", phone="13800000003", dataset="yibao.canbao")
    undated = lake.person("孙永", at="door|9", phone="13800000003", dataset="minzheng.dibao")
    lake.link()
    assert lake.entity_of("person", father) != lake.entity_of("person", son)
    assert lake.entity_of("person", unnumbered) == lake.entity_of("person", son)
    assert lake.entity_of("person", undated) not in {lake.entity_of("person", father), lake.entity_of("person", son)}
    assert any("minzheng.dibao" in key for pair in lake.doubtful("person") for key in pair), "a person must decide"


def test_homonyms_in_one_village_are_not_guessed(lake: SmallLake) -> None:
    lake.person("王秀英", id_number="370681195003040022", birth_date="1950-03-04", at="door|21")
    lake.person("王秀英", id_number="370681195608090027", birth_date="1956-08-09", at="door|22")
    unknown = lake.person("王秀英", dataset="sifa.jiufen")
    lake.link()
    assert lake.rule_of("person", unknown) == "own_record"


def test_a_relatives_telephone_and_address_do_not_make_one_person(lake: SmallLake) -> None:
    mother = lake.person(
        "周敏", id_number="370602198801150025", birth_date="1988-01-15", phone="13800000004", at="door|3"
    )
    child = lake.person("吴天佑", birth_date="2022-02-02", phone="13800000004", at="door|3", dataset="yibao.canbao")
    lake.link()
    assert lake.entity_of("person", mother) != lake.entity_of("person", child)
    assert not lake.doubtful("person")


def test_somebody_who_moved_is_found_by_name_and_birthday_and_telephone(lake: SmallLake) -> None:
    before = lake.person("郝明远", id_number=A, birth_date="1982-03-12", at="door|31", phone="13800000005")
    after = lake.person(
        "郝明远", birth_date="1982-03-12", at="door|99", phone="13800000005", dataset="weijian.laonian_dangan"
    )
    lake.link()
    assert lake.entity_of("person", after) == lake.entity_of("person", before)


def test_one_child_in_two_registers_without_any_number(lake: SmallLake) -> None:
    school = lake.person(
        "曲梓萌", birth_date="2019-09-09", sex_code="2", phone="13800000006", dataset="jiaoyu.xueji", row_key="L1"
    )
    insured = lake.person(
        "曲梓萌", birth_date="2019-09-09", sex_code="2", phone="13800000006", dataset="yibao.canbao", row_key="88"
    )
    lake.link()
    assert lake.entity_of("person", school) == lake.entity_of("person", insured) is not None


def test_one_register_lists_nobody_twice(lake: SmallLake) -> None:
    """Two records of one register with different keys are two people; the best of them joins the other register's."""
    same = {"birth_date": "2019-09-09", "sex_code": "2"}
    one = lake.person("曲梓萌", dataset="yibao.canbao", row_key="1", phone="13800000006", **same)
    two = lake.person("曲梓萌", dataset="yibao.canbao", row_key="2", phone="13900000001", **same)
    school = lake.person("曲梓萌", dataset="jiaoyu.xueji", row_key="L1", phone="13800000006", **same)
    lake.link()
    assert lake.entity_of("person", school) == lake.entity_of("person", one) != lake.entity_of("person", two)


def test_two_numbers_of_one_person_are_put_before_a_person(lake: SmallLake) -> None:
    old = lake.person("费玉清", id_number="370602198203121239", birth_date="1982-03-12", phone="13800000007")
    new = lake.person("费玉清", id_number="370602198203121255", birth_date="1982-03-12", phone="13800000007")
    lake.link()
    assert lake.entity_of("person", old) != lake.entity_of("person", new)
    assert lake.doubtful("person")
    lake.decide("person", old, new, "same")
    kept = {lake.entity_of("person", old), lake.entity_of("person", new)}
    lake.link()
    assert lake.entity_of("person", old) == lake.entity_of("person", new) in kept
    assert [reason for _, _, _, reason in lake.changes()] == ["merged"]


def test_two_people_on_one_number_are_parted_by_a_decision(lake: SmallLake) -> None:
    owner = lake.person("王建国", id_number=A, dataset="gongan.changzhu")
    borrower = lake.person("李铁柱", id_number=A, dataset="renshe.shebao")
    lake.link()
    assert lake.entity_of("person", owner) == lake.entity_of("person", borrower)
    lake.decide("person", owner, borrower, "other")
    lake.link()
    assert lake.entity_of("person", owner) != lake.entity_of("person", borrower)
    assert lake.changes() == [("person", lake.entity_of("person", owner), lake.entity_of("person", borrower), "split")]
    lake.link(full=True)
    assert lake.entity_of("person", owner) != lake.entity_of("person", borrower), "stays undone"


def test_a_register_that_gives_two_people_one_number_does_not_join_them(lake: SmallLake) -> None:
    """Whose the number is, other registers say; the other one is left without it."""
    owner = lake.person("吕慧", id_number=A, birth_date="1982-03-12", row_key="r1")
    other = lake.person("吕梅丽", id_number=A, birth_date="1982-03-12", row_key="r2")
    insured = lake.person("吕慧", id_number=A, birth_date="1982-03-12", dataset="yibao.canbao")
    variant = lake.person("吕惠", id_number=A, birth_date="1982-03-12", dataset="renshe.shebao")
    lake.link()
    assert lake.entity_of("person", owner) == lake.entity_of("person", insured) == lake.entity_of("person", variant)
    assert lake.entity_of("person", other) not in (lake.entity_of("person", owner), None)


def test_brothers_of_one_name_at_one_address_have_two_numbers(lake: SmallLake) -> None:
    """Even where one of the numbers is one that a spreadsheet might have rounded."""
    home = {"at": "door|9", "phone": "13800000003", "household_number": "H1"}
    elder = lake.person("刘轩俊", id_number="370682200508156231", birth_date="2005-08-15", **home)
    younger = lake.person("刘轩俊", id_number="370682200610265856", birth_date="2006-10-26", **home)
    lake.link()
    assert lake.entity_of("person", elder) != lake.entity_of("person", younger)


def test_a_wrong_merge_is_undone_and_stays_undone(lake: SmallLake) -> None:
    sound = lake.person("王建国", id_number=A, birth_date="1982-03-12", phone="13800000001")
    other = lake.person("王建国", birth_date="1982-03-12", phone="13800000001", dataset="yibao.canbao")
    lake.link()
    together = lake.entity_of("person", sound)
    assert lake.entity_of("person", other) == together
    lake.decide("person", sound, other, "other")
    lake.link()
    assert lake.entity_of("person", sound) == together, "the id stays with what it was minted from"
    assert lake.entity_of("person", other) not in (together, None)
    lake.person("王建国", birth_date="1982-03-12", phone="13800000001", dataset="minzheng.dibao")
    lake.link()
    lake.link(full=True)
    assert lake.entity_of("person", other) != lake.entity_of("person", sound)
    assert ("person", together, lake.entity_of("person", other), "split") in lake.changes()


def test_two_rows_that_fit_one_person_are_parted_by_a_decision(lake: SmallLake) -> None:
    sound = lake.person("王建国", id_number=A, birth_date="1982-03-12", phone="13800000001")
    same = {"birth_date": "1982-03-12", "phone": "13800000001"}
    one = lake.person("王建国", dataset="yibao.canbao", **same)
    two = lake.person("王建国", dataset="minzheng.dibao", number_said=A[:15] + "000", **same)
    lake.link()
    assert len({lake.entity_of("person", c) for c in (sound, one, two)}) == 1
    lake.decide("person", one, two, "other")
    lake.link()
    assert lake.entity_of("person", two) == lake.entity_of("person", sound), "the one with more evidence stays"
    assert lake.entity_of("person", one) not in (lake.entity_of("person", sound), None)


def test_callers_and_guardians_make_nobody(lake: SmallLake) -> None:
    known = lake.person("高翔宇", id_number=A, phone="13800000008")
    caller = lake.person("高翔宇", phone="13800000008", role="reporter", dataset="rexian.gongdan")
    nobody = lake.person("钱先生", phone="13800000009", role="reporter", dataset="rexian.gongdan")
    lake.link()
    assert lake.entity_of("person", caller) == lake.entity_of("person", known)
    assert lake.entity_of("person", nobody) is None


def _village(seed: int) -> list[dict[str, object]]:
    """Sixty people in three registers, one in three rows without a usable number."""
    draw = random.Random(seed)
    said: list[dict[str, object]] = []
    for i in range(60):
        born = f"19{draw.randint(40, 99)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
        number = f"370602{born.replace('-', '')}{draw.randint(100, 999)}{draw.randint(1, 9)}"
        person = {
            "name": draw.choice("王李张刘陈杨") + draw.choice("建秀玉海永") + draw.choice("国英兰涛平"),
            "birth_date": born,
            "phone": f"138{draw.randint(10_000_000, 99_999_999)}",
            "at": f"door|{draw.randint(1, 25)}",
        }
        for dataset in ("gongan.changzhu", "yibao.canbao", "minzheng.dibao"):
            known = draw.random() > 1 / 3
            row = {**person, "dataset": dataset, "row_key": f"{dataset}{i}", "id_number": number if known else None}
            if draw.random() < 0.2:
                del row["phone"]
            said.append(row)
    return said


def test_worked_on_in_parts_as_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A city larger than the memory is linked part by part: the same pairs, weights and ids."""
    said, made = _village(4), []
    for folder, size in (("at_once", None), ("by_parts", 40)):
        if size:
            monkeypatch.setattr(pairs, "AT_A_TIME", dict.fromkeys(pairs.AT_A_TIME, size))
        (tmp_path / folder).mkdir()
        lake = SmallLake(tmp_path / folder)
        for row in said:
            lake.person(**row)  # type: ignore[arg-type]
        lake.link()
        kept = lake.con.execute("from lake.registry.person_pair order by left_key, right_key").fetchall()
        made.append((lake.links("person"), kept))
    assert len(made[0][1]) > 40
    assert made[0] == made[1]


@pytest.mark.parametrize("many", [units.MANY, math.inf], ids=["as_it_is", "only_what_news_reach"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_by_increments_as_at_once(seed: int, many: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is linked does not depend on the order and the portions in which it is said; ids stay from step to step."""
    monkeypatch.setattr(units, "MANY", many)
    said = _village(seed)
    for part in ("at_once", "by_parts"):
        (tmp_path / part).mkdir()
    at_once, by_parts = SmallLake(tmp_path / "at_once"), SmallLake(tmp_path / "by_parts")
    for row in said:
        at_once.person(**row)  # type: ignore[arg-type]
    at_once.link()
    random.Random(seed).shuffle(said)
    before: dict[str, tuple[str | None, str, float | None]] = {}
    for start in range(0, len(said), 45):
        for row in said[start : start + 45]:
            by_parts.person(**row)  # type: ignore[arg-type]
        by_parts.link()
    partition = [
        sorted(
            sorted(c for c, (e, _, _) in links.items() if e == entity) for entity in {e for e, _, _ in links.values()}
        )
        for links in (at_once.links("person"), by_parts.links("person"))
    ]
    assert partition[0] == partition[1]
    before = by_parts.links("person")
    by_parts.link(full=True)
    assert by_parts.links("person") == before, "comparing all anew changes nothing"
    rules = sorted((r, round(p or 0, 6)) for _, r, p in before.values())
    assert rules == sorted((r, round(p or 0, 6)) for _, r, p in at_once.links("person").values())


def test_only_what_news_reach_is_looked_at(lake: SmallLake, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more row about somebody, and a decision: the others' units are not read, however many they are."""
    looked_at: list[int] = []
    cluster = clusters.cluster

    def counted(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
        cluster(con, spec)
        if spec.entity == "person":
            looked_at.append(len(con.execute("from clustered").fetchall()))

    monkeypatch.setattr(clusters, "cluster", counted)
    for row in _village(5):
        lake.person(**row)  # type: ignore[arg-type]
    lake.person(None, birth_date="1970-05-05", phone="13800000009", row_key="nameless")
    one = lake.person("龚玥", id_number=A, phone="13800000008")
    lake.link()
    lake.publish()
    everything = looked_at[-1]
    other = lake.person(
        "龚玥", phone="13800000008", birth_date=f"{A[6:10]}-{A[10:12]}-{A[12:14]}", dataset="yibao.canbao"
    )
    lake.link()
    lake.publish()
    assert everything > 60
    assert looked_at[-1] == 2
    assert lake.entity_of("person", other) == lake.entity_of("person", one)
    lake.decide("person", one, other, "other")
    lake.link()
    assert looked_at[-1] == 2, "what was decided is looked at though nothing new was said"
    assert lake.entity_of("person", other) != lake.entity_of("person", one)


def test_keys_from_before_they_said_whose_they_are_are_stored_anew(lake: SmallLake) -> None:
    for row in _village(6):
        lake.person(**row)  # type: ignore[arg-type]
    lake.link()
    before = lake.links("person")
    keys = lake.con.execute("from lake.registry.person_key order by all").fetchall()
    lake.con.execute("alter table lake.registry.person_key drop column is_loose")
    registry.prepare(lake.con)
    lake.person("龚玥", id_number=A)
    lake.link()
    now = lake.con.execute("from lake.registry.person_key order by all").fetchall()
    assert set(keys) < set(now)
    assert all(is_loose is not None for *_, is_loose in now)
    assert {c: said for c, said in lake.links("person").items() if c in before} == before


def test_a_registry_from_before_there_were_units_keeps_its_ids(lake: SmallLake) -> None:
    """Tables as they were: an id per cluster, no units, no pairs; employers were one cluster per insured person."""
    sound = lake.person("王建国", id_number=A, birth_date="1982-03-12", phone="13800000001", day="2026-01-01")
    firm = lake.organisation("烟台华康德金属结构有限公司", uscc=FIRM, dataset="shichang.zhuti", day="2026-01-01")
    insured = [lake.organisation("烟台华康德金属结构有限公司", dataset="yibao.canbao", row_key=f"{i}") for i in (1, 2)]
    lake.link()
    person, organisation = lake.entity_of("person", sound), lake.entity_of("organisation", firm)
    for entity in ("person", "organisation", "event", "facility"):
        lake.con.execute(f"drop table lake.registry.{entity}_pair")
        for column in ("own_id", "link_rule", "link_probability", "minted_on"):
            lake.con.execute(f"alter table lake.registry.{entity} drop column {column}")
        lake.con.execute(f"alter table lake.registry.{entity}_link drop column unit_key")
    lake.con.execute("delete from lake.registry.organisation where cluster_key like 'own|%'")
    for content in insured:
        own = [f"O{content[:20]}", f"own|yibao.canbao|subject|{content}|烟台华康德金属结构有限公司", content]
        lake.con.execute("insert into lake.registry.organisation values (?, ?, ?)", own)
        lake.con.execute(
            "update lake.registry.organisation_link set organisation_id = ? where content_id = ?", [own[0], content]
        )
    registry.prepare(lake.con)
    lake.link(full=True)
    assert lake.entity_of("person", sound) == person
    assert {lake.entity_of("organisation", c) for c in (firm, *insured)} == {organisation}
    assert lake.changes() == sorted(("organisation", f"O{c[:20]}", organisation, "merged") for c in insured)
    registry.prepare(lake.con)
    before = lake.links("organisation")
    lake.link(full=True)
    assert lake.links("organisation") == before


def test_what_is_taken_back_is_unlinked_and_its_id_not_given_away(lake: SmallLake) -> None:
    first = lake.person(
        "王建国", birth_date="1982-03-12", phone="13800000001", dataset="yibao.canbao", day="2026-01-01"
    )
    second = lake.person("王建国", id_number=A, birth_date="1982-03-12", phone="13800000001", day="2026-01-31")
    lake.link()
    held = lake.entity_of("person", first)
    assert lake.entity_of("person", second) == held
    lake.unsay("person", first)
    lake.link()
    left = lake.entity_of("person", second)
    assert left not in (held, None)
    assert ("person", held, left, "withdrawn") in lake.changes()


# ---- organisations ---------------------------------------------------------------------------------------------------

FIRM = "91370602MA2TFMBA0M"


@pytest.mark.parametrize(
    "said",
    [
        "烟台华康德金属结构有限公司",
        "烟台市华康德金属结构有限责任公司",
        "华康德金属结构有限公司",
        "烟台华康德金属结构有限公司（补录）",
        "山东省烟台市华康德金属结构公司",
    ],
)
def test_an_employer_is_known_by_its_name_however_written(lake: SmallLake, said: str) -> None:
    firm = lake.organisation("烟台华康德金属结构有限公司", uscc=FIRM, dataset="shichang.zhuti")
    lake.organisation("烟台华康达电子有限公司", uscc="91370602MA45AJP63X", dataset="shichang.zhuti")
    employer = lake.organisation(said, dataset="yibao.canbao")
    lake.link()
    assert lake.entity_of("organisation", employer) == lake.entity_of("organisation", firm)


@pytest.mark.parametrize(
    "said",
    [
        "烟台华康德金属结构有限公司龙口分公司",
        "龙口市华康德金属结构有限公司",
        "华康德金属结构厂",
        "烟台华康得金属结构有限公司",
    ],
)
def test_what_only_resembles_a_firm_is_not_it(lake: SmallLake, said: str) -> None:
    firm = lake.organisation("烟台市芝罘区华康德金属结构有限公司", uscc=FIRM, dataset="shichang.zhuti")
    other = lake.organisation(said, dataset="yibao.canbao")
    lake.link()
    assert lake.entity_of("organisation", other) != lake.entity_of("organisation", firm)


def test_two_shops_of_one_name_are_left_to_a_person(lake: SmallLake) -> None:
    lake.organisation("芝罘区利民超市", uscc="92370602MAXTA5BL33", dataset="shichang.zhuti")
    lake.organisation("芝罘区利民超市", uscc="92370602MAH7WD7762", dataset="shichang.zhuti")
    employer = lake.organisation("芝罘区利民超市", dataset="yibao.canbao")
    lake.link()
    assert lake.rule_of("organisation", employer) == "own_record"
    assert len(lake.doubtful("organisation")) == 2


def test_a_firm_is_still_found_under_the_name_it_had(lake: SmallLake) -> None:
    lake.organisation("烟台旧名实业有限公司", uscc=FIRM, dataset="shichang.zhuti", day="2025-12-31")
    now = lake.organisation("烟台新名实业有限公司", uscc=FIRM, dataset="shichang.zhuti")
    employer = lake.organisation("烟台旧名实业有限公司", dataset="yibao.canbao")
    lake.link()
    assert lake.entity_of("organisation", employer) == lake.entity_of("organisation", now)


# ---- events ----------------------------------------------------------------------------------------------------------


def test_one_incident_through_three_channels(lake: SmallLake) -> None:
    lake.place("building|3", parent="base|1")
    call = lake.event(
        "天泰国际3号楼楼下垃圾桶满溢3天无人清运",
        "2026-09-02 13:17:00",
        "YT1",
        "rexian.gongdan",
        number_space="rexian",
        at="building|3",
    )
    worker = lake.event("天泰国际发现垃圾清运问题", "2026-09-03 09:00:00", "WG1", "zongzhi.wangge_shijian", at="base|1")
    officer = lake.event(
        "视频监控发现天泰国际3号楼垃圾清运", "2026-09-03 18:19:00", "CG1", "chengguan.anjian", at="building|3"
    )
    elsewhere = lake.event(
        "垃圾桶满溢无人清运", "2026-09-02 15:00:00", "YT2", "rexian.gongdan", number_space="rexian", at="building|77"
    )
    else_when = lake.event(
        "天泰国际3号楼垃圾桶满溢",
        "2026-10-20 15:00:00",
        "YT3",
        "rexian.gongdan",
        number_space="rexian",
        at="building|3",
    )
    else_what = lake.event(
        "天泰国际3号楼楼上养狗半夜狂吠",
        "2026-09-02 15:00:00",
        "YT4",
        "rexian.gongdan",
        number_space="rexian",
        at="building|3",
    )
    lake.link()
    together = lake.entity_of("event", call)
    assert {lake.entity_of("event", c) for c in (worker, officer)} == {together}
    assert together not in {lake.entity_of("event", c) for c in (elsewhere, else_when, else_what)}


def test_an_outage_is_one_event_for_the_whole_community(lake: SmallLake) -> None:
    said = [
        lake.event(
            "从早上六点开始停水，没有通知",
            f"2026-09-02 {7 + i // 6:02}:{i % 6 * 10:02}:00",
            f"YT{i}",
            "rexian.gongdan",
            number_space="rexian",
            at=f"door|{i}",
        )
        for i in range(30)
    ]
    lake.link()
    assert len({lake.entity_of("event", c) for c in said}) == 1


def test_two_calls_about_gas_are_two_incidents(lake: SmallLake) -> None:
    said = [
        lake.event(
            "附近闻到刺鼻的煤气味，担心泄漏",
            f"2026-09-0{i + 1} 20:00:00",
            f"YT{i}",
            "rexian.gongdan",
            number_space="rexian",
            at="building|3",
        )
        for i in range(2)
    ]
    lake.link()
    assert len({lake.entity_of("event", c) for c in said}) == 2
