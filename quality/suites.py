"""The suites of each gate: of staging from the contracts, of foundation and marts by hand.

Severity, the same everywhere: `critical` stops the build, `warning` and `info` are reported and it goes on. Critical is
what would put something wrong in front of readers, or a delivery that is not what it says it is; what single rows or
sources get wrong is a warning.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ingestion.contracts import Column, DatasetContract
from quality.checks import Check, RowCheck, Severity, Suite, by_share, one_of, profile_of, table
from warehouse.errors import WrongUse
from warehouse.lake import literal, quote

DELIVERY = "foundation.delivery"
NO_VALUE_GIVEN = ("null_word", "sex_unknown", "name_anonymous")
"""Rules for a cell that says in words that there is no value: nothing unusable was delivered."""


def suites_of(
    layer: str, contracts: Mapping[str, DatasetContract], *, scope: Collection[str] | None = None
) -> list[Suite]:
    """Suites of the gate behind a layer. `scope` names the deliveries whose content is looked at (None: all)."""
    if layer == "staging":
        return [deliveries_suite(contracts), *(dataset_suite(c, scope) for _, c in sorted(contracts.items()))]
    if layer == "foundation":
        return foundation_suites()
    if layer == "marts":
        return [policy_match_suite(), old_age_suite()]
    raise WrongUse(f"there is no gate {layer!r}: choose one of staging, foundation, marts")


# ---- staging --------------------------------------------------------------------------------------------------------


def deliveries_suite(contracts: Mapping[str, DatasetContract]) -> Suite:
    """Every taken delivery has a contract, so that its rows have somewhere to go."""
    known = one_of(contracts)
    profile = f"""
        select delivery_id, dataset, file, delivered_on, data_rows as "rows", (dataset is null or dataset not in {known}) as stray
        from {table(DELIVERY)} where status = 'taken'"""
    checks = (
        Check("delivery_has_contract", "交付所属的数据集有数据契约", "the dataset of the delivery to have a contract", "critical",
              "case when stray then \"rows\" else 0 end", "dataset", fails="stray", found_zh="dataset", found_en="dataset"),
    )  # fmt: skip
    return Suite("staging.delivery", "交付登记", profile, checks, (DELIVERY,))


def dataset_suite(contract: DatasetContract, scope: Collection[str] | None = None) -> Suite:
    """What the contract promises of each delivery of one dataset."""
    checked = f"staging.checked_{contract.model_name}"
    checks = [*_conservation(), *_row_counts(contract), *_quarantined(), *_key(contract)]
    for column in contract.columns:
        checks += _required(column) + _codes(column)
    return Suite(
        f"staging.{contract.id}",
        contract.title,
        _dataset_profile(contract, checked, scope),
        tuple(checks),
        (DELIVERY, checked),
        (contract.id,),
    )


def _conservation() -> list[Check]:
    recorded = "coalesce(recorded_accepted, 0) || ' + ' || coalesce(recorded_refused, 0)"
    return [
        Check("rows_conserved", "回执中的数据行数 = 接受 + 隔离", "data rows of the receipt = rows accepted + rows quarantined",
              "critical", "abs(data_rows - accepted - refused)", checked="data_rows",
              found_zh="'回执 ' || data_rows || ' ≠ 接受 ' || accepted || ' + 隔离 ' || refused",
              found_en="'receipt ' || data_rows || ' ≠ accepted ' || accepted || ' + quarantined ' || refused"),
        Check("counts_recorded", "交付登记的接受、隔离行数与表中一致", "the recorded counts of the delivery to match the table",
              "critical", "abs(coalesce(recorded_accepted, 0) - accepted) + abs(coalesce(recorded_refused, 0) - refused)",
              checked="data_rows", found_zh=f"'登记 ' || {recorded} || '，表中 ' || accepted || ' + ' || refused",
              found_en=f"'recorded ' || {recorded} || ', in the table ' || accepted || ' + ' || refused"),
    ]  # fmt: skip


def _row_counts(contract: DatasetContract) -> list[Check]:
    delivery = contract.custom.delivery
    found = {"found_zh": "data_rows || ' 行'", "found_en": "data_rows || ' rows'"}
    checks = []
    if delivery.minimum_rows is not None:
        n = delivery.minimum_rows
        checks.append(
            Check("minimum_rows", f"每次交付不少于 {n} 行", f"at least {n:,} rows in a delivery", "critical",
                  f"greatest({n} - data_rows, 0)", checked="data_rows", **found)
        )  # fmt: skip
    if delivery.maximum_rows is not None:
        n = delivery.maximum_rows
        checks.append(
            Check("maximum_rows", f"每次交付不多于 {n} 行", f"at most {n:,} rows in a delivery", "warning",
                  f"greatest(data_rows - {n}, 0)", checked="data_rows", **found)
        )  # fmt: skip
    return checks


def _quarantined() -> list[Check]:
    zh, en = "被隔离的行不超过 %s", "at most %s of the rows quarantined"
    return by_share("quarantined", None, "refused", '"rows"', zh=zh, en=en, stops=True)


def _key(contract: DatasetContract) -> list[Check]:
    if not contract.key:
        return []
    headers = {c.name: c.business_name for c in contract.columns}
    name = "+".join(headers[k] for k in contract.key)
    return [
        Check("key_unique", f"一次交付中“{name}”不重复", f"no key ({', '.join(contract.key)}) twice in a delivery", "warning",
              "key_repeats", "+".join(contract.key), checked="keyed")
    ]  # fmt: skip


def _required(column: Column) -> list[Check]:
    if not column.required:
        return []
    return by_share(
        "required_missing", column.name, quote(f"{column.name}.missing"), "kept",
        zh=f"必填项“{column.business_name}”缺失的行不超过 %s",
        en=f"at most %s of the rows without the required {column.name}", stops=True,
    )  # fmt: skip


def _codes(column: Column) -> list[Check]:
    """Values are codes of the list, and few cells held something else; other kinds: few cells could not be used."""
    unusable = quote(f"{column.name}.unusable")
    given = f"({quote(column.name + '.given')} + {unusable})"
    coded = is_coded(column)
    checks = by_share(
        "code_unknown" if coded else "value_unusable", column.name, unusable, given,
        zh=f"“{column.business_name}”中" + ("不在代码表里" if coded else "无法使用") + "的值不超过 %s",
        en=f"at most %s of the values of {column.name} " + ("outside its code list" if coded else "unusable"),
        stops=coded,
    )  # fmt: skip
    if allowed_codes(column):
        checks.insert(
            0, Check("code_in_set", f"“{column.business_name}”的标准值都在代码表里", f"every {column.name} to be a code of its list",
                     "critical", quote(f"{column.name}.foreign"), column.name, checked=quote(f"{column.name}.given"))
        )  # fmt: skip
    return checks


def is_coded(column: Column) -> bool:
    """Whether the contract closes the list of values of a column."""
    standard = column.custom.standard
    return standard.kind in ("code", "sex", "ethnic") and not standard.options.get("open")


def allowed_codes(column: Column) -> tuple[str, ...]:
    """The standard codes a column may hold; empty where the contract does not close the list."""
    standard = column.custom.standard
    codes = [str(v) for v in (standard.options.get("codes") or {}).values()]
    if standard.kind == "code" and not standard.options.get("open"):
        return tuple(codes)
    if standard.kind == "sex":
        return ("0", "1", "2", "9") if standard.options.get("keep_unknown") else ("1", "2")
    return ()


def _dataset_profile(contract: DatasetContract, checked: str, scope: Collection[str] | None) -> str:
    """One row per taken delivery; content columns are null outside `scope`, where nothing new can be found."""
    within = "" if scope is None else f" and delivery_id in {one_of(scope)}" if scope else " and false"
    content, issues = ["count(*) as kept", *_key_measures(contract)], ["count(*) as issues"]
    for column in contract.columns:
        name = quote(column.name)
        content.append(f"count({name}) as {quote(column.name + '.given')}")
        if column.required:
            content.append(f"count(*) filter (where {name} is null) as {quote(column.name + '.missing')}")
        if codes := allowed_codes(column):
            content.append(
                f"count(*) filter (where {name} not in {one_of(codes)}) as {quote(column.name + '.foreign')}"
            )
        issues.append(
            f'count(*) filter (where "column" = {literal(column.name)}) as {quote(column.name + ".unusable")}'
        )
    zero = [
        f"coalesce(issue.{quote(c.name + '.unusable')}, 0) as {quote(c.name + '.unusable')}" for c in contract.columns
    ]
    return f"""
        with delivery as (
            select delivery_id, dataset, file, delivered_on, coalesce(data_rows, 0) as data_rows,
                   accepted as recorded_accepted, quarantined as recorded_refused
            from {table(DELIVERY)} where status = 'taken' and dataset = {literal(contract.id)}),
        standing as (
            select delivery_id, count(*) as "rows", count(*) filter (where not is_refused) as accepted,
                   count(*) filter (where is_refused) as refused
            from {table(checked)} group by delivery_id),
        content as (
            select delivery_id, {", ".join(content)}
            from {table(checked)} where not is_refused{within} group by delivery_id),
        issue as (
            select delivery_id, {", ".join(issues)}
            from (
                select delivery_id, said."column" as "column"
                from (select delivery_id, unnest(issues) as said
                      from {table(checked)} where len(issues) > 0 and not is_refused{within})
                where said.outcome = 'nulled' and said."rule" not in {one_of(NO_VALUE_GIVEN)})
            group by delivery_id)
        select delivery.*, coalesce(standing."rows", 0) as "rows", coalesce(standing.accepted, 0) as accepted,
               coalesce(standing.refused, 0) as refused, content.* exclude (delivery_id), {", ".join(zero)}
        from delivery left join standing using (delivery_id) left join content using (delivery_id)
        left join issue using (delivery_id)"""


def _key_measures(contract: DatasetContract) -> list[str]:
    """Repeats are counted by a 64-bit hash, which takes less memory; a false repeat among 10⁷ keys has odds of 3 in 10⁶."""
    if not contract.key:
        return []
    return [
        "count(row_key) as keyed",
        "count(row_key) - count(distinct hash(row_key)) filter (where row_key is not null) as key_repeats",
    ]


# ---- foundation -----------------------------------------------------------------------------------------------------

_MENTIONED = ("person", "organisation", "place", "event", "facility")


def foundation_suites() -> list[Suite]:
    """One suite per table, and one per kind of mention."""
    suites = [person_suite(), organisation_suite(), place_suite(), household_suite(), event_suite(), facility_suite()]
    return [*suites, grid_suite(), area_suite(), *(mention_suite(e) for e in _MENTIONED), quarantine_suite()]


def _repeats(key: str) -> str:
    return f"count({key}) - count(distinct {key}) as id_repeats"


def _identity(entity: str) -> list[RowCheck]:
    key = f"e.{entity}_id"
    checks = [RowCheck("id_present", f"{key} is null", "编号不为空", "an id in every row", f"{entity}_id")]
    if entity in _MENTIONED:
        checks.append(
            RowCheck("has_mention", f"{key} is not null and mentioned.id is null", "每条黄金记录至少有一处来源",
                     "every golden record to have a mention", f"{entity}_id", example=key)
        )  # fmt: skip
    return checks


def _reference(
    column: str, target: str, target_key: str, zh: str, en: str, *, severity: Severity = "critical", key: str
) -> tuple[RowCheck, str]:
    """A check that what `column` names exists, and the join it needs."""
    alias = quote(f"to_{column}")
    wrong = f"e.{quote(column)} is not null and {alias}.id is null"
    check = RowCheck(
        "reference_exists", wrong, zh, en, column, severity, of=f"e.{quote(column)} is not null", example=key
    )
    join = f"left join (select distinct {quote(target_key)} as id from {table(target)}) as {alias} on e.{quote(column)} = {alias}.id"
    return check, join


def _entity_suite(
    entity: str, zh: str, references: list[tuple[RowCheck, str]], rules: list[RowCheck], relations: tuple[str, ...]
) -> Suite:
    """Ids unique and not null, everything referred to exists, every golden record has a mention, and rules of its own."""
    key = f"{entity}_id"
    checks = [*_identity(entity), *(check for check, _ in references), *rules]
    joins = [join for _, join in references]
    if entity in _MENTIONED:
        joins.append(
            f"left join (select distinct {key} as id from {table(f'foundation.{entity}_mention')}) as mentioned on e.{key} = mentioned.id"
        )
        relations += (f"foundation.{entity}_mention",)
    profile = profile_of(f"foundation.{entity}", checks, joins=joins, extra=[_repeats(f"e.{key}")])
    out = [c.check() for c in checks]
    out.insert(1, Check("id_unique", "编号不重复", "every id once", "critical", "id_repeats", key))
    return Suite(f"foundation.{entity}", zh, profile, tuple(out), (f"foundation.{entity}", *relations))


_AREA, _GRID, _PLACE = "foundation.area", "foundation.grid", "foundation.place"


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
    members = "left join (select household_id, count(*) as members from lake.foundation.person group by household_id) as member on e.household_id = member.household_id"
    size = RowCheck("size_is_members", "e.size is distinct from coalesce(member.members, 0)", "户人数等于人员表中的成员数",
                    "size to be the number of people in the household", "size", example=key)  # fmt: skip
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
        RowCheck(
            "geometry_present",
            "e.geometry is null",
            "网格有范围",
            "a geometry",
            "geometry",
            "warning",
            example="e.code",
        ),
        RowCheck(
            "validity_ordered",
            "e.valid_to <= e.valid_from",
            "失效日期晚于生效日期",
            "to end after it began",
            "valid_to",
            example="e.code",
        ),
    ]
    profile = profile_of(_GRID, checks, joins=[join], extra=[_repeats("e.code")])
    most = by_share("communities_exist", "parent", quote(parent.key), quote(parent.key + ".of"),
                    zh="所属社区不在区划表中的网格不超过 %s", en="at most %s of the grids in unknown communities", stops=True)[:1]  # fmt: skip
    unique = Check("id_unique", "网格编码不重复", "every grid code once", "critical", "id_repeats", "code")
    return Suite("foundation.grid", "网格", profile, (unique, *(c.check() for c in checks), *most), (_GRID, _AREA))


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
        _repeats("e.code"),
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


_LOCATOR = ("delivery_id", "dataset", "file", "delivered_on")


def mention_suite(entity: str) -> Suite:
    """Mentions of one kind, delivery by delivery."""
    key = f"e.{entity}_id"
    checks = [
        RowCheck("subject_has_entity", f"e.role = 'subject' and {key} is null", "每个主体提及都归到一个实体",
                 "every subject mention to have an entity", f"{entity}_id", of="e.role = 'subject'"),
        RowCheck("entity_exists", f"{key} is not null and known.id is null", "提及的编号都在实体表中",
                 f"every id of a mention to be in {entity}", f"{entity}_id", of=f"{key} is not null", example=key),
        RowCheck("locator_present", "e.delivery_id is null or e.dataset is null or e.file is null or e.row_number is null",
                 "能定位到文件和行", "a complete row locator"),
    ]  # fmt: skip
    join = f"left join (select distinct {entity}_id as id from {table(f'foundation.{entity}')}) as known on {key} = known.id"
    relation = f"foundation.{entity}_mention"
    profile = profile_of(relation, checks, joins=[join], by=[f"e.{c}" for c in _LOCATOR])
    zh = {"person": "人员", "organisation": "组织机构", "place": "地址", "event": "事件", "facility": "设施"}[entity]
    return Suite(relation, f"{zh}提及", profile, tuple(c.check() for c in checks), (relation, f"foundation.{entity}"))


def quarantine_suite() -> Suite:
    """Every refused row stands in quarantine, once, with a reason."""
    profile = f"""
        select d.delivery_id, d.dataset, d.file, d.delivered_on, coalesce(d.quarantined, 0) as "rows", coalesce(q.kept, 0) as kept,
               coalesce(q.without_reason, 0) as without_reason, coalesce(q.odd_status, 0) as odd_status
        from (select * from {table(DELIVERY)} where status = 'taken') as d
        left join (
            select delivery_id, count(*) as kept, count(*) filter (where reason is null or reason = '') as without_reason,
                   count(*) filter (where coalesce(status, '') not in ('open', 'corrected', 'replayed', 'dismissed')) as odd_status
            from {table("foundation.quarantine")} group by delivery_id) as q using (delivery_id)"""
    checks = (
        Check("quarantine_complete", "被隔离的行都完整保留在隔离区", "every refused row to be kept in quarantine", "critical",
              'abs("rows" - kept)', found_zh="'隔离 ' || \"rows\" || '，保留 ' || kept", found_en="'quarantined ' || \"rows\" || ', kept ' || kept"),
        Check("reason_given", "每条隔离行都有原因", "a reason with every quarantined row", "warning", "without_reason", "reason"),
        Check("status_in_set", "隔离状态取值正确", "a known status", "critical", "odd_status", "status"),
    )  # fmt: skip
    return Suite("foundation.quarantine", "隔离区", profile, checks, (DELIVERY, "foundation.quarantine"))


# ---- marts ----------------------------------------------------------------------------------------------------------

ANSWERS = ("eligible", "not_eligible", "cannot_tell")
FINDINGS = ("entitled_not_paid", "paid_but_dead", "paid_not_entitled", "paid_cannot_tell", "paid", "not_paid")


def policy_match_suite() -> Suite:
    """Answers of all policies: one per policy and subject, about a subject that exists."""
    known = f"""left join (
        select 'person' as kind, person_id as id from {table("foundation.person")}
        union select 'organisation', organisation_id from {table("foundation.organisation")}
        ) as known on e.subject_kind = known.kind and e.subject_id = known.id"""
    example = "e.subject_id"
    checks = [
        RowCheck("answer_in_set", f"e.answer is null or e.answer not in {one_of(ANSWERS)}", "结论为：符合、不符合、无法判断之一",
                 "one of the three answers", "answer", example=example),
        RowCheck("subject_exists", "known.id is null", "对象在底座中", "the subject to be in the foundation", "subject_id", example=example),
        RowCheck("policy_named", "e.policy is null or e.policy = ''", "政策有名称", "the policy to be named", "policy", example=example),
        RowCheck("reason_given", "e.reason is null or e.reason = ''", "每个结论都有理由", "a reason with every answer", "reason", "warning",
                 example=example),
    ]  # fmt: skip
    extra = [
        "count(*) - count(distinct (e.policy, e.subject_kind, e.subject_id)) as repeats",
        "count(*) filter (where e.answer = 'cannot_tell') as open_answers",
    ]
    profile = profile_of("marts.policy_match", checks, joins=[known], extra=extra)
    more = (
        Check("one_answer", "每项政策对每个对象只有一个结论", "one answer per policy and subject", "critical", "repeats", "subject_id"),
        Check("mostly_decided", "无法判断的不超过一半", "at most half of the answers undecided", "info", "open_answers", "answer",
              fails='open_answers > "rows" / 2'),
    )  # fmt: skip
    return Suite(
        "marts.policy_match", "政策匹配", profile, (*(c.check() for c in checks), *more),
        ("marts.policy_match", "foundation.person", "foundation.organisation"),
    )  # fmt: skip


def old_age_suite() -> Suite:
    """高龄津贴: nobody dead or under 80 is entitled, and its rows are the answers of policy_match."""
    example = "e.person_id"
    checks = [
        RowCheck("subject_exists", "known.id is null or e.person_id is null", "对象在人员表中", "the person to exist", "person_id", example=example),
        RowCheck("finding_in_set", f"e.finding is null or e.finding not in {one_of(FINDINGS)}", "发现类型取值正确", "a known finding",
                 "finding", example=example),
        RowCheck("eligible_alive", "e.answer = 'eligible' and known.is_alive is distinct from true", "符合条件的都健在",
                 "everybody eligible to be alive", "answer", of="e.answer = 'eligible'", example=example),
        RowCheck("eligible_aged", "e.answer = 'eligible' and coalesce(e.age_years, 0) < 80", "符合条件的都已满 80 周岁",
                 "everybody eligible to be 80 or older", "age_years", of="e.answer = 'eligible'", example=example),
    ]  # fmt: skip
    join = (
        "left join (select person_id as id, any_value(is_alive) as is_alive "
        f"from {table('foundation.person')} group by person_id) as known on e.person_id = known.id"
    )
    matched = f"(select count(*) from {table('marts.policy_match')} where policy = '高龄津贴') as matched"
    extra = [_repeats("e.person_id"), matched]
    profile = profile_of("marts.policy_old_age_allowance", checks, joins=[join], extra=extra)
    more = (
        Check("one_row_each", "每人一行", "one row per person", "critical", "id_repeats", "person_id"),
        Check("matches_policy_match", "行数与政策匹配表一致", "as many rows as policy_match has answers", "critical", 'abs("rows" - matched)',
              found_zh="\"rows\" || ' 与 ' || matched", found_en="\"rows\" || ' against ' || matched"),
    )  # fmt: skip
    return Suite(
        "marts.policy_old_age_allowance", "高龄津贴", profile, (*(c.check() for c in checks), *more),
        ("marts.policy_old_age_allowance", "marts.policy_match", "foundation.person"),
    )  # fmt: skip
