"""The gate behind the marts: the last before readers."""

from __future__ import annotations

from quality.checks import Check, RowCheck, Suite, one_of, profile_of, repeats, table

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
    extra = [repeats("e.person_id"), matched]
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


def marts_suites() -> list[Suite]:
    """One suite per mart."""
    return [policy_match_suite(), old_age_suite()]
