"""The gate behind the foundation: entities, references, areas, mentions and quarantine."""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.contracts import DatasetContract
from quality.checks import Check, RowCheck, Severity, Suite, by_share, one_of, profile_of, repeats, table
from quality.ground import Ground
from quality.suites.tags import tag_suite
from warehouse.lake import quote

DELIVERY = "foundation.delivery"

_MENTIONED = ("person", "organisation", "place", "event", "facility")


def foundation_suites(contracts: Mapping[str, DatasetContract], ground: Ground) -> list[Suite]:
    """One suite per table, one per kind of mention, and one per relation between tables."""
    relations = [levels_suite(), cover_suite(), quarantine_suite()]
    if deceased := [c.id for c in contracts.values() if says_death(c) and c.id in ground.datasets]:
        relations.insert(0, deceased_suite(deceased))
    if _SYSTEMS in ground.relations:
        relations.append(systems_suite())
    return [
        person_suite(), organisation_suite(), place_suite(), household_suite(), event_suite(), facility_suite(), grid_suite(),
        line_grid_suite(), area_suite(), tag_suite(), *(mention_suite(e) for e in _MENTIONED), *relations,
    ]  # fmt: skip


def _reference(
    column: str, target: str, target_key: str, zh: str, en: str, *, severity: Severity = "critical", key: str
) -> tuple[RowCheck, str]:
    """A check that what `column` names exists, and the join it needs."""
    alias = quote(f"to_{column}")
    wrong = f"e.{quote(column)} is not null and {alias}.id is null"
    check = RowCheck(
        "reference_exists",
        wrong,
        zh,
        en,
        column,
        severity,
        of=f"e.{quote(column)} is not null",
        example=key,
        gbt36344="0402",
    )
    join = f"left join (select distinct {quote(target_key)} as id from {table(target)}) as {alias} on e.{quote(column)} = {alias}.id"
    return check, join


def _entity_suite(
    entity: str, zh: str, references: list[tuple[RowCheck, str]], rules: list[RowCheck], relations: tuple[str, ...]
) -> Suite:
    """Ids unique and not null, everything referred to exists, and rules of its own."""
    key = f"{entity}_id"
    present = RowCheck("id_present", f"e.{key} is null", "编号不为空", "an id in every row", key, gbt36344="0201")
    checks = [present, *(check for check, _ in references), *rules]
    joins = [join for _, join in references]
    profile = profile_of(f"foundation.{entity}", checks, joins=joins, extra=[repeats(f"e.{key}")])
    out = [c.check() for c in checks]
    out.insert(1, Check("id_unique", "编号不重复", "every id once", "critical", "id_repeats", key, gbt36344="0304"))
    return Suite(f"foundation.{entity}", zh, profile, tuple(out), (f"foundation.{entity}", *relations))


_AREA, _GRID, _PLACE = "foundation.area", "foundation.grid", "foundation.place"
_LINE_GRID = "foundation.line_grid"


def _located(key: str, area: str = "area_code", grid: str = "grid_code") -> list[tuple[RowCheck, str]]:
    return [
        _reference(
            area,
            _AREA,
            "code",
            "所在区划在区划表中",
            "the area to be in the table of areas",
            severity="warning",
            key=key,
        ),
        _reference(grid, _GRID, "code", "所在网格在网格表中", "the grid to be in the table of grids", key=key),
    ]


def person_suite() -> Suite:
    """People: the dead are not alive, households and places exist."""
    key = "e.person_id"
    places = [
        _reference(c, _PLACE, "place_id", f"{zh}在地址表中", f"the place of {c} to exist", key=key)
        for c, zh in (("residence_place_id", "居住地址"), ("registered_place_id", "户籍地址"))
    ]
    household = _reference(
        "household_id", "foundation.household", "household_id", "所在户存在", "the household to exist", key=key
    )
    rules = [
        RowCheck("dead_not_alive", "e.is_alive and e.death_date is not null", "有死亡日期的人不标为健在",
                 "nobody with a date of death to be alive", "is_alive", example=key),
        RowCheck("is_alive_known", "e.is_alive is null", "是否健在有明确取值", "is_alive to be true or false", "is_alive", example=key),
        RowCheck("death_after_birth", "e.death_date < e.birth_date", "死亡日期不早于出生日期", "death not before birth",
                 "death_date", "warning", of="e.death_date is not null", example=key),
        RowCheck("confidence_in_range", "e.confidence is null or e.confidence not between 0 and 1", "置信度在 0 与 1 之间",
                 "a confidence from 0 to 1", "confidence", "warning", example=key),
    ]  # fmt: skip
    born = RowCheck("birth_not_later", "e.birth_date > clock.latest", "出生日期不晚于最近的交付",
                    "no birth after the latest delivery", "birth_date", "warning", of="e.birth_date is not null", example=key)  # fmt: skip
    clock = f"cross join (select greatest(current_date, max(delivered_on)) as latest from {table(DELIVERY)}) as clock"
    return _entity_suite(
        "person",
        "人员",
        [*places, household, *_located(key), (born, clock)],
        rules,
        (DELIVERY, _PLACE, "foundation.household", _AREA, _GRID),
    )


def organisation_suite() -> Suite:
    """Organisations."""
    key = "e.organisation_id"
    references = [
        _reference("place_id", _PLACE, "place_id", "住所在地址表中", "the place to exist", key=key),
        _reference(
            "legal_person_id",
            "foundation.person",
            "person_id",
            "法定代表人在人员表中",
            "the legal person to exist",
            key=key,
        ),
        *_located(key),
    ]
    return _entity_suite("organisation", "组织机构", references, [], (_PLACE, "foundation.person", _AREA, _GRID))


def place_suite() -> Suite:
    """Standard addresses."""
    key = "e.place_id"
    references = [
        _reference("parent_place_id", _PLACE, "place_id", "上级地址存在", "the parent place to exist", key=key),
        *_located(key, area="community_code"),
    ]
    return _entity_suite("place", "标准地址", references, [], (_AREA, _GRID))


def household_suite() -> Suite:
    """Households: as many members as people say they belong to them."""
    key = "e.household_id"
    place = _reference("place_id", _PLACE, "place_id", "户的地址在地址表中", "the place to exist", key=key)
    members = "left join (select household_id, count(*) filter (where is_alive) as members from lake.foundation.person group by household_id) as member on e.household_id = member.household_id"
    size = RowCheck("size_is_members", "e.size is distinct from coalesce(member.members, 0)", "户人数等于人员表中的成员数",
                    "size to be the number of living people in the household", "size", example=key)  # fmt: skip
    return _entity_suite("household", "户", [place, (size, members)], [], (_PLACE, "foundation.person"))


def event_suite() -> Suite:
    """Events."""
    key = "e.event_id"
    place = _reference("place_id", _PLACE, "place_id", "发生地点在地址表中", "the place to exist", key=key)
    reports = RowCheck(
        "reports_counted",
        "coalesce(e.reports, 0) < 1",
        "合并的诉求件数不少于 1",
        "at least one report",
        "reports",
        example=key,
    )
    return _entity_suite("event", "事件", [place, *_located(key)], [reports], (_PLACE, _AREA, _GRID))


def facility_suite() -> Suite:
    """Facilities."""
    key = "e.facility_id"
    place = _reference("place_id", _PLACE, "place_id", "所在地点在地址表中", "the place to exist", key=key)
    return _entity_suite("facility", "设施", [place, *_located(key)], [], (_PLACE, _AREA, _GRID))


def _drawn(key: str) -> list[RowCheck]:
    """A grid has a shape and days it is valid in order."""
    return [
        RowCheck("geometry_present", "e.geometry is null", "网格有范围", "a geometry", "geometry", "warning", example=key),
        RowCheck("validity_ordered", "e.valid_to <= e.valid_from", "失效日期晚于生效日期", "to end after it began",
                 "valid_to", example=key),
    ]  # fmt: skip


def grid_suite() -> Suite:
    """Grids: each once, in a community that exists."""
    parent, join = _reference(
        "parent",
        _AREA,
        "code",
        "网格所属社区在区划表中",
        "the community of the grid to exist",
        severity="warning",
        key="e.code",
    )
    checks = [
        RowCheck("id_present", "e.code is null", "网格编码不为空", "a code in every row", "code"),
        parent,
        *_drawn("e.code"),
    ]
    profile = profile_of(_GRID, checks, joins=[join], extra=[repeats("e.code")])
    most = by_share("communities_exist", "parent", quote(parent.key), quote(parent.key + ".of"),
                    zh="所属社区不在区划表中的网格不超过 %s", en="at most %s of the grids in unknown communities", stops=True,
                    gbt36344="0402")[:1]  # fmt: skip
    unique = Check("id_unique", "网格编码不重复", "every grid code once", "critical", "id_repeats", "code")
    return Suite("foundation.grid", "网格", profile, (unique, *(c.check() for c in checks), *most), (_GRID, _AREA))


def line_grid_suite() -> Suite:
    """Grids of the lines: each once in its line."""
    key = "e.line || ' ' || e.code"
    checks = [
        RowCheck("id_present", "e.line is null or e.code is null", "条线与网格编码不为空", "line and code in every row", "code"),
        *_drawn(key),
    ]  # fmt: skip
    profile = profile_of(_LINE_GRID, checks, extra=[repeats(key)])
    unique = Check(
        "id_unique", "条线内网格编码不重复", "every grid code once in its line", "critical", "id_repeats", "code"
    )
    return Suite(_LINE_GRID, "条线网格", profile, (unique, *(c.check() for c in checks)), (_LINE_GRID,))


_LEVELS = {"city": 1, "county": 2, "town": 3, "community": 4}


def area_suite() -> Suite:
    """Areas valid now: a tree of four levels, so that counts by level add up."""
    depth = "case {0} " + " ".join(f"when '{k}' then {v}" for k, v in _LEVELS.items()) + " end"
    own, above = depth.format("e.level"), depth.format("upper.level")
    checks = [
        RowCheck("id_present", "e.code is null", "区划代码不为空", "a code in every row", "code"),
        RowCheck("level_known", f"{own} is null", "级别为市、县、镇街、社区之一", "one of the four levels", "level", example="e.code"),
        RowCheck("parent_one_level_up", f"{own} > 1 and {above} is distinct from {own} - 1", "上级区划存在且恰高一级",
                 "a valid parent exactly one level up", "parent", of=f"{own} > 1", example="e.code"),
        RowCheck("has_parts", f"{own} < 4 and parts.parent is null", "市、县、镇街都有下级区划", "upper areas to have parts", "code", "warning",
                 of=f"{own} < 4", example="e.code"),
    ]  # fmt: skip
    valid = f"(select code, level, parent from {table(_AREA)} where valid_to is null)"
    joins = [
        f"left join (select code, any_value(level) as level from {valid} group by code) as upper on e.parent = upper.code",
        f"left join (select distinct parent from {valid}) as parts on e.code = parts.parent",
    ]
    extra = [
        repeats("e.code"),
        *(f"count(*) filter (where e.level = '{k}') as {quote(k)}" for k in _LEVELS),
        *(
            f"count(*) filter (where {own} = {v} and {above} = {v - 1}) as {quote(k + '.placed')}"
            for k, v in _LEVELS.items()
        ),
    ]
    profile = profile_of(_AREA, checks, joins=joins, extra=extra, where="e.valid_to is null")
    counts = " || ' · ' || ".join(f"'{k} ' || {quote(k)}" for k in _LEVELS)
    lost = " + ".join(f"abs({quote(k)} - {quote(k + '.placed')})" for k in _LEVELS if k != "city")
    first = (
        Check("id_unique", "现行区划代码不重复", "every valid code once", "critical", "id_repeats", "code"),
        Check("one_city", "恰有一个市级区划", "exactly one city", "critical", "abs(city - 1)", "level",
              fails='"rows" > 0 and city <> 1', found_zh="city || ' 个'", found_en="city::varchar"),
        Check("levels_add_up", "各级数量与上级所辖之和一致", "the areas of a level to be the sum of what lies below the level above",
              "critical", lost, "level", found_zh=counts, found_en=counts),
    )  # fmt: skip
    return Suite("foundation.area", "行政区划", profile, (*first, *(c.check() for c in checks)), (_AREA,))


# ---- relations between tables ---------------------------------------------------------------------------------------


def mention_suite(entity: str) -> Suite:
    """Mentions of one kind, delivery by delivery, against the golden records: one pass over the view for both sides.

    Golden records that nothing mentions stand in a row of the profile without a delivery.
    """
    key = f"{entity}_id"
    relation = f"foundation.{entity}_mention"
    zh = {"person": "人员", "organisation": "组织机构", "place": "地址", "event": "事件", "facility": "设施"}[entity]
    # a building or an estate may be known by its doors alone
    above = f"{key} in (select parent_place_id from {table(_PLACE)})" if entity == "place" else "false"
    profile = f"""
        with said as (
            select m.delivery_id, count(m.delivery_id) as "rows",
                   count(*) filter (where m.role = 'subject') as subjects,
                   count(*) filter (where m.role = 'subject' and m.{key} is null) as unlinked,
                   count(*) filter (where m.{key} is not null) as linked,
                   count(*) filter (where m.{key} is not null and known.{key} is null) as dangling,
                   min(m.{key}, 5) filter (where m.{key} is not null and known.{key} is null) as dangling_ids,
                   count(*) filter (where m.role is not null and (m.delivery_id is null or m.dataset is null or m.file is null or m.row_number is null)) as unlocated,
                   count(*) filter (where m.role is null and known.{key} is not null and not known.is_above) as unmentioned,
                   min(known.{key}, 5) filter (where m.role is null and not known.is_above) as unmentioned_ids
            from {table(relation)} as m
            full join (select {key}, coalesce({above}, false) as is_above from {table(f"foundation.{entity}")}) as known on m.{key} = known.{key}
            group by m.delivery_id)
        select said.*, d.dataset, d.file, d.delivered_on
        from said left join {table(DELIVERY)} as d using (delivery_id)"""
    checks = (
        Check("subject_has_entity", "每个主体提及都归到一个实体", "every subject mention to have an entity", "critical", "unlinked", key,
              checked="subjects", gbt36344="0402", rows_where=f"e.role = 'subject' and e.{key} is null"),
        Check("entity_exists", "提及的编号都在实体表中", f"every id of a mention to be in {entity}", "critical", "dangling", key,
              checked="linked", gbt36344="0402", example="dangling_ids[1]::varchar", entities="dangling_ids"),
        Check("locator_present", "能定位到文件和行", "a complete row locator", "critical", "unlocated", gbt36344="0201"),
        Check("has_mention", "每条黄金记录至少有一处来源", "every golden record to have a mention", "critical", "unmentioned", key,
              gbt36344="0402", example="unmentioned_ids[1]::varchar", entities="unmentioned_ids"),
    )  # fmt: skip
    return Suite(
        relation, f"{zh}提及", profile, checks, (relation, f"foundation.{entity}", DELIVERY), rows_from=relation
    )


def says_death(contract: DatasetContract) -> bool:
    """Whether the subject of a dataset's rows is dead: a cremation list."""
    return any(
        m.entity == "person" and m.role == "subject"
        and ("death_date" in m.attributes or {"death_date", "is_deceased"} & (set(m.derived) | set(m.constants)))
        for m in contract.custom.mentions
    )  # fmt: skip


def deceased_suite(datasets: list[str]) -> Suite:
    """Nobody on a cremation list is alive in the foundation."""
    profile = f"""
        select m.delivery_id, any_value(m.dataset) as dataset, any_value(m.file) as file, any_value(m.delivered_on) as delivered_on,
               count(*) as "rows", count(*) filter (where p.is_alive) as alive, min(p.person_id, 5) filter (where p.is_alive) as alive_ids
        from {table("foundation.person_mention")} as m join {table("foundation.person")} as p on m.person_id = p.person_id
        where m.role = 'subject' and m.dataset in {one_of(datasets)}
        group by m.delivery_id"""
    check = Check("nobody_alive", "殡葬名单中的人都不标为健在", "nobody on a cremation list to be alive", "critical", "alive", "is_alive",
                  gbt36344="0401", example="alive_ids[1]::varchar", entities="alive_ids")  # fmt: skip
    return Suite(
        "foundation.deceased", "殡葬名单与人员", profile, (check,), ("foundation.person", "foundation.person_mention")
    )


_COUNTED = {"person": "area_code", "organisation": "area_code", "event": "area_code", "facility": "area_code", "place": "community_code"}  # fmt: skip


def levels_suite() -> Suite:
    """Totals agree between levels: what is counted in a community is counted in its town-street, county and city too."""
    counts = " union all ".join(
        f"select '{entity}' as entity, {column} as code, count(*) as n from {table(f'foundation.{entity}')} group by {column}"
        for entity, column in _COUNTED.items()
    )
    profile = f"""
        with tree as (select code, any_value(parent) as parent, any_value(level) as level from {table(_AREA)} group by code)
        select c.entity, sum(c.n) as "rows",
               sum(c.n) filter (where 'city' not in (coalesce(a.level, ''), coalesce(b.level, ''), coalesce(u.level, ''), coalesce(v.level, '')))
                   as lost,
               min(c.code) filter (where 'city' not in (coalesce(a.level, ''), coalesce(b.level, ''), coalesce(u.level, ''), coalesce(v.level, '')))
                   as example
        from ({counts}) as c join tree as a on c.code = a.code left join tree as b on a.parent = b.code
        left join tree as u on b.parent = u.code left join tree as v on u.parent = v.code
        group by c.entity"""
    check = Check("totals_agree", "社区、镇街、县区、市各级合计一致", "totals of the levels to agree", "critical", "coalesce(lost, 0)", "area_code",
                  gbt36344="0401", example="entity || ' ' || example")  # fmt: skip
    return Suite("foundation.levels", "各级合计", profile, (check,), (_AREA, *(f"foundation.{e}" for e in _COUNTED)))


def cover_suite() -> Suite:
    """Once there are grids, every community somebody lives in has one: else its people and events belong to nobody."""
    profile = f"""
        with gridded as (select distinct parent as community from {table(_GRID)} where valid_to is null),
        lived_in as (select distinct area_code as community from {table("foundation.person")} where is_alive)
        select count(*) as "rows", count(*) filter (where gridded.community is null) as uncovered,
               min(a.name, 3) filter (where gridded.community is null)::varchar as example
        from {table(_AREA)} as a join lived_in on a.code = lived_in.community left join gridded on a.code = gridded.community
        where a.level = 'community' and a.valid_to is null and exists (select 1 from gridded)"""
    check = Check("communities_covered", "有人居住的社区都有网格", "every community somebody lives in to have a grid", "warning",
                  "uncovered", "parent", gbt36344="0402", example="example")  # fmt: skip
    return Suite("foundation.cover", "网格覆盖", profile, (check,), (_GRID, _AREA, "foundation.person"))


_SYSTEMS = "intermediate.int_place__crs"


def systems_suite() -> Suite:
    """Coordinates whose rows name a reference system that their points do not fit, or that cannot be used."""
    profile = f"""
        select c.delivery_id, d.dataset, d.file, d.delivered_on, count(*) as "rows",
               count(*) filter (where c.crs_source = 'contradicted') as contradicted,
               count(*) filter (where c.crs_source = 'other_system') as unusable,
               min(c.said_crs) filter (where c.crs_source = 'contradicted') as said
        from {table(_SYSTEMS)} as c left join {table(DELIVERY)} as d using (delivery_id)
        where c.said_crs <> '' group by all"""
    checks = (
        Check("system_fits_points", "行内声明的坐标系与点位相符", "points to lie where the coordinate system their rows name puts them", "warning",
              "contradicted", "crs", found_zh="'声明 ' || said || '，未采用这些坐标'", found_en="said || ' is named; these coordinates are not used'",
              gbt36344="0401"),
        Check("system_usable", "行内声明的坐标系可以换算", "a coordinate system that can be converted", "warning", "unusable", "crs",
              found_zh="'坐标系无法换算，未采用这些坐标'", found_en="'these coordinates are not used'", gbt36344="0105"),
    )  # fmt: skip
    return Suite("foundation.coordinates", "坐标系", profile, checks, (_SYSTEMS, DELIVERY))


def quarantine_suite() -> Suite:
    """Every refused row stands in quarantine, once, with a reason. Rows replayed since are accepted, and stay as history."""
    profile = f"""
        select d.delivery_id, d.dataset, d.file, d.delivered_on, coalesce(d.quarantined, 0) as "rows", coalesce(q.kept, 0) as kept,
               coalesce(q.without_reason, 0) as without_reason, coalesce(q.odd_status, 0) as odd_status
        from (select * from {table(DELIVERY)} where status = 'taken') as d
        left join (
            select delivery_id, count(*) filter (where status is distinct from 'replayed') as kept,
                   count(*) filter (where reason is null or reason = '') as without_reason,
                   count(*) filter (where coalesce(status, '') not in ('open', 'corrected', 'replayed', 'dismissed')) as odd_status
            from {table("foundation.quarantine")} group by delivery_id) as q using (delivery_id)"""
    checks = (
        Check("quarantine_complete", "被隔离的行都完整保留在隔离区", "every refused row to be kept in quarantine", "critical",
              'abs("rows" - kept)', gbt36344="0202", found_zh="'隔离 ' || \"rows\" || '，保留 ' || kept",
              found_en="'quarantined ' || \"rows\" || ', kept ' || kept"),
        Check("reason_given", "每条隔离行都有原因", "a reason with every quarantined row", "warning", "without_reason", "reason", gbt36344="0201"),
        Check("status_in_set", "隔离状态取值正确", "a known status", "critical", "odd_status", "status", gbt36344="0105"),
    )  # fmt: skip
    return Suite("foundation.quarantine", "隔离区", profile, checks, (DELIVERY, "foundation.quarantine"))
