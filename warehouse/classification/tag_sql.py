"""The SQL of `intermediate.int_<entity>__fact`, `foundation.entity_tag` and `foundation.tag`, from facts and rules: dbt models
in text (Jinja and SQL).

One table of facts per entity, one pass over each for all its tags: a row gives the list of the rules that hold or
cannot be told, and only these are written out with their evidence. Whether a dataset was ever delivered is known when the
models run: facts of one that was not are NULL there, and rules that need it are left out (and say so in `foundation.tag`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from warehouse.classification.facts import AS_OF, FactBook, Roll, RollFact, SetFact, mentions
from warehouse.classification.tags import Tag, rules_version
from warehouse.lake import literal, quote

COLUMNS = ("entity", "entity_id", "tag", "outcome", "since", "until", "evidence")
MENTIONED = ("person", "organisation")
"""Entities whose facts come from rows that mention them."""

_DELIVERED = "{%- set delivered = delivered_contracts() | map(attribute='id') | list %}\n"
_DAY, _ROW = 2**46, 2**10
"""Rows are put in order by day, row number and sheet: one number, so that of several rows the same one is always the last."""


def needed(tag: Tag, books: Mapping[str, FactBook]) -> frozenset[str]:
    """Datasets without which a rule says nothing of anybody: those of every fact it uses."""
    needs = books[tag.entity].needs
    return frozenset().union(*(needs[name] for name in tag.inputs))


def fact_model(entity: str) -> str:
    """Name of the model that holds the facts of an entity."""
    return f"int_{entity}__fact"


def made(tags: Sequence[Tag], books: Mapping[str, FactBook]) -> list[str]:
    """Entities whose facts are needed, in the order they are made: those with tags, and those whose facts theirs are taken from."""
    wanted: set[str] = {t.entity for t in tags}
    for entity in reversed(list(books)):
        if entity in wanted:
            wanted |= {other for other in books if other != entity and mentions(_asked(books[entity]), f"{other}_fact")}
    return [entity for entity in books if entity in wanted]


def fact_columns(entity: str, tags: Sequence[Tag], books: Mapping[str, FactBook]) -> list[str]:
    """Columns of an entity's facts: its key, `as_of`, and the facts that its rules or other entities' facts ask for."""
    book = books[entity]
    presence = book.presence()
    wanted = {name for tag in tags if tag.entity == entity for name in tag.inputs}
    wanted |= {presence[name] for name in wanted if name in presence}
    for other, theirs in books.items():
        if other != entity and mentions(asked := _asked(theirs), f"{entity}_fact"):
            wanted |= {name for name in book.all() if re.search(rf"\b{re.escape(name)}\b", asked)}
    return [book.key, AS_OF, *sorted(wanted - {AS_OF})]


def fact_sql(entity: str, tags: Sequence[Tag], books: Mapping[str, FactBook], datasets: Collection[str]) -> str:
    """The model of an entity's facts, a row each. `datasets` are those under contract."""
    ctes = [_today(())]
    if mentions(_asked(books[entity]), "door"):
        ctes.append(_door())
    if entity in MENTIONED:
        ctes.append(_said(entity))
    ctes += _facts(entity, books[entity], datasets)
    kept = ", ".join(quote(name) for name in fact_columns(entity, tags, books))
    body = "with " + ",\n\n".join(ctes) + f"\n\nselect {kept}\nfrom {entity}_fact\n"
    for other in books:
        if other != entity:
            body = re.sub(rf"\b{other}_fact\b", f"{{{{ ref('{fact_model(other)}') }}}}", body)
    return _DELIVERED + body


def _asked(book: FactBook) -> str:
    """The SQL that an entity's facts are made by beside the rolls: it may read the facts of others."""
    return "\n".join((book.source, *(one.sql for one in book.sets.values())))


def entity_tag_sql(tags: Sequence[Tag], books: Mapping[str, FactBook], datasets: Collection[str]) -> str:
    """The model of `entity_tag`. `datasets` are those under contract."""
    ctes = [_today(_sources(tags, books))]
    selects = []
    for entity in books:
        own = [(t, needed(t, books)) for t in tags if t.entity == entity]
        own = [(t, needs) for t, needs in own if needs <= set(datasets)]
        if own:
            cte, select = _tagged(entity, books[entity], own)
            ctes.append(cte)
            selects.append(select)
    nothing = "select " + ", ".join(f"null::{'date' if c in ('since', 'until') else 'varchar'} as {c}" for c in COLUMNS)
    body = "\nunion all\n".join([*selects, f"{nothing} where false"])
    # tags of one entity are asked for together
    return _DELIVERED + "with " + ",\n\n".join(ctes) + "\n\n" + body + "\norder by entity, entity_id\n"


def tag_sql(tags: Sequence[Tag], books: Mapping[str, FactBook], datasets: Collection[str]) -> str:
    """The model of `tag`: every rule, whether it is applied here, and what it waits for."""
    rows = []
    version = rules_version(tags, books)
    for t in tags:
        needs = sorted(needed(t, books))
        said = [
            literal(v)
            for v in (t.tag, t.entity, t.name, t.group, t.group_name, t.definition, t.source, t.owner, t.when)
        ]
        days = [f"date '{t.valid_from}'", f"date '{t.valid_to}'" if t.valid_to else "null::date"]
        waits = [_if_not_delivered(n, datasets, literal(n) + ",") for n in needs]
        rows.append(
            f"({', '.join(_safe(s) for s in said)}, {', '.join(days)}, {_safe(_texts(t.inputs))}, "
            f"[{''.join(waits)}null::varchar], {literal(version)})"
        )
    names = (
        "tag, entity, name, group_code, group_name, definition, source, owner, condition, valid_from, valid_to, inputs, "
        "waits_for, rules_version"
    )
    values = ",\n".join(rows)
    waiting = "list_filter(waits_for, lambda dataset: dataset is not null)"
    chosen = names.replace("waits_for", f"{waiting} as waits_for")
    return (
        _DELIVERED + f"select {chosen}, len({waiting}) = 0 as is_applied\nfrom (values\n{values}\n) as rule({names})\n"
    )


def _safe(sql: str) -> str:
    """SQL that Jinja leaves as it is."""
    return "{% raw %}" + sql + "{% endraw %}" if any(mark in sql for mark in ("{{", "{%", "{#")) else sql


def _texts(values: Collection[str]) -> str:
    return "[" + ", ".join(literal(v) for v in values) + "]"


def _if_delivered(needs: Collection[str], datasets: Collection[str], then: str, otherwise: str = "") -> str:
    """Jinja: a text where every dataset needed was ever delivered. One that is not under contract never was."""
    if not needs:
        return then
    if not set(needs) <= set(datasets):
        return otherwise
    test = " and ".join(f"{literal(n)} in delivered" for n in sorted(needs))
    return "{% if " + test + " %}" + then + ("{% else %}" + otherwise if otherwise else "") + "{% endif %}"


def _if_not_delivered(dataset: str, datasets: Collection[str], then: str) -> str:
    if dataset not in datasets:
        return then
    return "{% if " + literal(dataset) + " not in delivered %}" + then + "{% endif %}"


def _sources(tags: Sequence[Tag], books: Mapping[str, FactBook]) -> list[str]:
    return sorted(frozenset().union(*(needed(t, books) for t in tags)) if tags else ())


def _today(sources: Sequence[str]) -> str:
    """One row: the day the deliveries are valid for, and per dataset the day of its newest delivery.

    A delivery that says no day has the day it came. So the day that a file names counts first: the content of a month that
    came late is judged as of its month.
    """
    named = r"regexp_matches(file, strftime(delivered_on, '%Y[-_.年/]?0?%-m'))"
    newest = "".join(
        f",\n        max(delivered_on) filter (where dataset = {literal(d)}) as {quote(d)}" for d in sources
    )
    return (
        "today as (\n    select\n"
        f"        coalesce(max(delivered_on) filter (where {named}), max(delivered_on), current_date) as {AS_OF}{newest}\n"
        "    from lake.foundation.delivery\n    where status = 'taken'\n)"
    )


def _door() -> str:
    """Addresses behind which there is one home: of the library, or as deep as an address goes without one."""
    return (
        "door as (\n    select place_id from {{ ref('place') }}\n"
        "    where house_code is not null or level = 'room'\n"
        "        or (level = 'number' and place_id not in (\n"
        "            select parent_place_id from {{ ref('place') }} where parent_place_id is not null))\n)"
    )


def _said(entity: str) -> str:
    sheet = "coalesce(nullif(sheet, ''), '-')"
    return (
        f"said_{entity} as (\n"
        f"    select {entity}_id, dataset, role, delivery_id, sheet, row_number, content_id,\n"
        f"        datediff('day', date '1970-01-01', delivered_on) * {_DAY} + row_number * {_ROW}\n"
        f"        + (unicode({sheet}) * 31 + unicode(right({sheet}, 1)) * 7 + length({sheet})) % {_ROW} as row_order\n"
        f"    from {{{{ ref('{entity}_mention') }}}}\n    where is_current and {entity}_id is not null\n)"
    )


def _facts(entity: str, book: FactBook, datasets: Collection[str]) -> list[str]:
    """CTEs `<entity>_base`, one per roll and set that can be made, and `<entity>_fact` with every fact as a column."""
    key = book.key
    golden = ", ".join(f"said.{quote(name)}::{f.type} as {quote(name)}" for name, f in book.facts.items())
    ctes = [
        f"{entity}_base as (\n    select said.{key}, {golden}\n    from (\n{_indent(book.source)}\n    ) as said\n)"
    ]
    columns = ["today.as_of", f"base.{key}", *(f"base.{quote(name)}" for name in book.facts)]
    joins = [f"from {entity}_base as base", "cross join today"]
    for number, roll in enumerate(book.rolls, start=1):
        alias = f"{entity}_roll_{number}"
        found, absent = zip(*(_roll_column(alias, name, f) for name, f in roll.facts.items()), strict=True)
        needs = (roll.dataset,)
        if cte := _if_delivered(needs, datasets, _roll(alias, entity, roll)):
            ctes.append(cte)
        columns.append(_if_delivered(needs, datasets, ", ".join(found), ", ".join(absent)))
        joins.append(_if_delivered(needs, datasets, f"left join {alias} on base.{key} = {alias}.{key}"))
    for name, one in book.sets.items():
        alias = f"{entity}_set_{name}"
        found, absent = zip(*(_set_column(alias, fact, f) for fact, f in one.facts.items()), strict=True)
        if cte := _if_delivered(one.needs, datasets, f"{alias} as (\n{_indent(one.sql)}\n)"):
            ctes.append(cte)
        columns.append(_if_delivered(one.needs, datasets, ", ".join(found), ", ".join(absent)))
        joins.append(_if_delivered(one.needs, datasets, f"left join {alias} on base.{key} = {alias}.{key}"))
    derived = "".join(f",\n        ({f.sql})::{f.type} as {quote(name)}" for name, f in book.derived.items())
    text, joined = ",\n            ".join(columns), "\n        ".join(j for j in joins if j)
    ctes.append(
        f"{entity}_fact as (\n    select\n        made.*{derived}\n    from (\n        select\n            {text}\n        {joined}\n    ) as made\n)"
    )
    return _with_commas(ctes)


def _with_commas(ctes: Sequence[str]) -> list[str]:
    """A CTE that may be left out stands behind the one before it, its comma within its condition."""
    out: list[str] = []
    for cte in ctes:
        if cte.startswith("{% if"):
            condition, _, rest = cte.partition("%}")
            out[-1] += f"{condition}%}},\n\n{rest}"
        else:
            out.append(cte)
    return out


def _indent(sql: str) -> str:
    return "\n".join("        " + line for line in sql.strip("\n").splitlines())


def _roll(alias: str, entity: str, roll: Roll) -> str:
    key = f"{entity}_id"
    measures = []
    for name, fact in roll.facts.items():
        if fact.present:
            measures.append(f"true as {quote(name)}")
        elif fact.row is not None:
            measures.append(f"max_by({fact.row}, said.row_order) filter ({fact.row} is not null) as {quote(name)}")
        else:
            measures.append(f"{fact.over} as {quote(name)}")
    roles = ", ".join(literal(r) for r in roll.roles)
    model = "stg_" + roll.dataset.replace(".", "__")
    return (
        f"{alias} as (\n    select said.{key}, {', '.join(measures)}\n    from said_{entity} as said\n"
        f"    inner join {{{{ ref('{model}') }}}} as row\n"
        "        on said.delivery_id = row.delivery_id and said.row_number = row.row_number and said.sheet is not distinct from row.sheet\n"
        "    cross join today\n"
        f"    where said.dataset = {literal(roll.dataset)} and said.role in ({roles})\n    group by said.{key}\n)"
    )


def _roll_column(alias: str, name: str, fact: RollFact) -> tuple[str, str]:
    """The fact as a column where the dataset was delivered, and where it never was."""
    value = f"{alias}.{quote(name)}"
    if fact.present:
        value = f"coalesce({value}, false)"
    elif fact.otherwise is not None:
        value = f"coalesce({value}, {fact.otherwise})"
    return f"{value}::{fact.sql_type} as {quote(name)}", f"null::{fact.sql_type} as {quote(name)}"


def _set_column(alias: str, name: str, fact: SetFact) -> tuple[str, str]:
    value = f"{alias}.{quote(name)}"
    if fact.otherwise is not None:
        value = f"coalesce({value}, {fact.otherwise})"
    return f"{value}::{fact.type} as {quote(name)}", f"null::{fact.type} as {quote(name)}"


def _tagged(entity: str, book: FactBook, own: Sequence[tuple[Tag, frozenset[str]]]) -> tuple[str, str]:
    """All rules of an entity over one pass: a CTE of (facts, number of the rule, negative where it cannot be told), and
    the SELECT that writes them out.
    """
    tests, names, since, until, evidence = [], [], [], [], []
    presence, needs_of, counted = book.presence(), book.needs, book.counted()
    everything = {name for tag, _ in own for name in tag.inputs}
    everything |= {presence[name] for name in everything if name in presence}
    for number, (tag, needs) in enumerate(own, start=1):
        day = f"as_of >= date '{tag.valid_from}'" + (f" and as_of < date '{tag.valid_to}'" if tag.valid_to else "")
        test = f"case when {day} then case ({tag.when})::boolean when true then {number} when false then null else -{number} end end"
        inputs = ", ".join(f"{quote(n)} := {quote(n)}" for n in dict.fromkeys((AS_OF, *tag.inputs)))
        sources = "".join(f", {quote(n)} := today.{quote(n)}" for n in sorted(needs))
        sources = f", sources := struct_pack({sources[2:]})" if sources else ""
        missing = ", ".join(_missing(n, presence, needs_of) for n in tag.inputs)
        whole = ", ".join(
            [f"case when {quote(n)} is null then {literal(n)} end" for n in tag.inputs]
            + [f"case when {quote(n)} > 0 then {literal(counted[n])} end" for n in tag.inputs if n in counted]
        )
        # a rule that leaves it open though nothing it asks for is missing: all it asked for does not tell
        asked = ", ".join(literal(n) for n in tag.inputs)
        gaps = (
            f"coalesce(nullif(list_filter([{missing}], x -> x is not null), []), "
            f"nullif(list_filter([{whole}], x -> x is not null), []), [{asked}])"
        )
        parts = {
            "tests": _if_delivered(needs, needs, test + ", "),
            "names": f"when {number} then {literal(tag.tag)} ",
            "since": f"when {number} then ({tag.since})::date " if tag.since else "",
            "until": f"when {number} then ({tag.until})::date " if tag.until else "",
            "evidence": f"when {number} then to_json(struct_pack(inputs := struct_pack({inputs}){sources}))::varchar "
            f"when -{number} then to_json(struct_pack(missing := {gaps}, inputs := struct_pack({inputs}){sources}))::varchar ",
        }
        tests.append(parts["tests"])
        names.append(_if_delivered(needs, needs, parts["names"]))
        since.append(_if_delivered(needs, needs, parts["since"]) if parts["since"] else "")
        until.append(_if_delivered(needs, needs, parts["until"]) if parts["until"] else "")
        evidence.append(_if_delivered(needs, needs, parts["evidence"]))
    columns = ", ".join(quote(n) for n in sorted(everything | {AS_OF}))
    hit = (
        f"{entity}_hit as (\n    select {book.key}, {columns},\n"
        f"        unnest(list_filter([{_break(tests)}null::integer], x -> x is not null)) as hit\n    from {{{{ ref('{fact_model(entity)}') }}}}\n)"
    )
    select = (
        f"select\n    {literal(entity)} as entity, {book.key} as entity_id,\n"
        f"    case abs(hit) {_break(names)}when 0 then '' end as tag,\n"
        "    case when hit > 0 then 'yes' else 'cannot_tell' end as outcome,\n"
        f"    case hit {_break(since)}when 0 then null::date end as since,\n"
        f"    case hit {_break(until)}when 0 then null::date end as until,\n"
        f"    case hit {_break(evidence)}when 0 then '' end as evidence\n"
        f"from {entity}_hit cross join (select * exclude ({AS_OF}), {AS_OF} as today_is from today) as today"
    )
    return hit, select


def _break(parts: Sequence[str]) -> str:
    return "\n        ".join(p for p in parts if p) + "\n        "


def _missing(name: str, presence: Mapping[str, str], needs: Mapping[str, frozenset[str]]) -> str:
    """The name where the fact is missing: not where the entity is in no row that could say it."""
    guard = f" and {quote(presence[name])}" if name in presence else ""
    return f"case when {quote(name)} is null{guard} then {literal(name)} end"
