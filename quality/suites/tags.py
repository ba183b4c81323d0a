"""The gate over tags: each once, of an entity that exists, with a reason."""

from __future__ import annotations

from quality.checks import Check, Suite, table

TAG = "foundation.entity_tag"
TAGGED = ("person", "household", "organisation", "place")


def tag_suite() -> Suite:
    """Tags of people, households, organisations and places."""
    known = " union all ".join(
        f"select '{e}' as entity, {e}_id as entity_id from {table(f'foundation.{e}')}" for e in TAGGED
    )
    untold = "e.outcome = 'cannot_tell' and coalesce(json_array_length(json_extract(e.evidence, '$.missing')), 0) = 0"
    profile = f"""
        with said as (
            select count(*) as "rows",
                   count(*) filter (where coalesce(e.outcome, '') not in ('yes', 'cannot_tell')) as odd,
                   count(*) filter (where not coalesce(json_valid(e.evidence), false) or ({untold})) as unreasoned,
                   count(*) filter (where e.until < e.since) as unordered
            from {table(TAG)} as e),
        twice as (
            select coalesce(sum(n - 1), 0) as repeated
            from (select count(*) as n from {table(TAG)} as e group by e.entity, e.entity_id, e.tag having count(*) > 1)),
        known as ({known}),
        nobody as (
            select count(*) as dangling, min(e.entity || ' ' || e.entity_id) as dangling_example
            from {table(TAG)} as e anti join known using (entity, entity_id))
        select said.*, twice.repeated, nobody.* from said cross join twice cross join nobody"""
    checks = (
        Check("entity_exists", "标签的对象都存在", "every tagged entity to exist", "critical", "dangling", "entity_id",
              gbt36344="0402", example="dangling_example"),
        Check("tag_unique", "每个对象每个标签只有一行", "a tag once per entity", "critical", "repeated", "tag", gbt36344="0304"),
        Check("outcome_in_set", "结果为 yes 或 cannot_tell", "an outcome of yes or cannot_tell", "critical", "odd", "outcome",
              gbt36344="0105"),
        Check("reason_given", "每行都有依据，无法判断的写明缺什么", "evidence in every row, and what is missing where nobody can tell",
              "critical", "unreasoned", "evidence", gbt36344="0201"),
        Check("since_before_until", "起始日不晚于终止日", "since not after until", "warning", "unordered", "until"),
    )  # fmt: skip
    return Suite(TAG, "标签", profile, checks, (TAG, *(f"foundation.{e}" for e in TAGGED)))
