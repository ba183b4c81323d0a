"""What people ask about tags: the catalogue, one tag with examples, counts, and the reference page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warehouse.classification.facts import Fact, load_facts
from warehouse.classification.tags import Tag, load_tags
from warehouse.errors import WrongUse
from warehouse.home import Home
from warehouse.lake import lake_exists, reading, table_exists

EXAMPLES = 3
HIDDEN = "…"
"""What stands in an example for a value that says something of a person."""

_ENTITY = {"person": "人员", "household": "家庭户", "organisation": "组织机构", "place": "地点"}
BEGIN, END = "<!-- generated: tags -->", "<!-- end of generated: tags -->"


def catalogue(home: Home, entity: str | None = None) -> list[dict[str, Any]]:
    """Every tag; `yes`, `cannot_tell` and `waits_for` (datasets) as the published build has them, null without one."""
    known = {t.tag: t for t in _of(load_tags(), entity)}
    counted = _counted(home)
    waits = _waits(home)
    return [
        {
            "tag": t.tag, "entity": t.entity, "name": t.name, "group": t.group, "group_name": t.group_name,
            "definition": t.definition, "source": t.source, "owner": t.owner, "waits_for": waits.get(t.tag, []),
            "yes": counted.get(t.tag, (0, 0))[0] if counted is not None else None,
            "cannot_tell": counted.get(t.tag, (0, 0))[1] if counted is not None else None,
        }
        for t in known.values()
    ]  # fmt: skip


def counts(home: Home, tag: str | None = None, entity: str | None = None) -> list[dict[str, Any]]:
    """Counts of the published build, by tag. Raises WrongUse on an unknown tag or where no build has tags yet."""
    wanted = {t.tag for t in (_named(tag) if tag else load_tags())}
    rows = [row for row in catalogue(home, entity) if row["tag"] in wanted]
    if any(row["yes"] is None for row in rows):
        raise WrongUse("no published build has tags yet: run `townlake run` first")
    return [{k: row[k] for k in ("tag", "entity", "name", "yes", "cannot_tell")} for row in rows]


def one(home: Home, tag: str) -> dict[str, Any]:
    """One tag with its rules and some evidence; values of personal facts are replaced. Raises WrongUse on an unknown tag."""
    rules = _named(tag)
    facts = load_facts()[rules[0].entity].all()
    row = next(r for r in catalogue(home, rules[0].entity) if r["tag"] == tag)
    return {
        "tag": tag, "entity": rules[0].entity, "name": rules[-1].name, "group_name": rules[0].group_name,
        "rules": [
            {
                "definition": r.definition, "source": r.source, "owner": r.owner, "valid_from": r.valid_from,
                "valid_to": r.valid_to, "when": r.when, "since": r.since, "until": r.until,
                "inputs": {name: facts[name].zh for name in r.inputs},
            }
            for r in rules
        ],
        "waits_for": row["waits_for"], "yes": row["yes"], "cannot_tell": row["cannot_tell"],
        "examples": _examples(home, tag, facts),
    }  # fmt: skip


def _of(tags: Sequence[Tag], entity: str | None) -> list[Tag]:
    if entity is not None and entity not in _ENTITY:
        raise WrongUse(f"there are no tags of {entity!r}: choose one of {', '.join(_ENTITY)}")
    return [t for t in tags if entity in (None, t.entity)]


def _named(tag: str) -> list[Tag]:
    found = [t for t in load_tags() if t.tag == tag]
    if not found:
        raise WrongUse(f"there is no tag {tag!r}: see `townlake tag list`")
    return sorted(found, key=lambda t: t.valid_from)


def _counted(home: Home) -> dict[str, tuple[int, int]] | None:
    rows = _ask(
        home,
        "entity_tag",
        """select tag, count(*) filter (where outcome = 'yes'), count(*) filter (where outcome = 'cannot_tell')
           from lake.foundation.entity_tag group by tag""",
    )
    return None if rows is None else {tag: (yes, untold) for tag, yes, untold in rows}


def _waits(home: Home) -> dict[str, list[str]]:
    return dict(_ask(home, "tag", "select tag, max(waits_for) from lake.foundation.tag group by tag") or [])


def _ask(home: Home, table: str, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]] | None:
    """Rows of the published build; None where there is none, or none with tags."""
    from warehouse.errors import EnvironmentFault

    if not lake_exists(home):
        return None
    try:
        with reading(home) as con:
            return con.execute(sql, list(parameters)).fetchall() if table_exists(con, "foundation", table) else None
    except EnvironmentFault:
        return None


def _examples(home: Home, tag: str, facts: dict[str, Fact]) -> list[dict[str, str]]:
    rows = _ask(
        home,
        "entity_tag",
        """select outcome, evidence from (
               select outcome, evidence, row_number() over (partition by outcome order by md5(entity_id)) as n
               from lake.foundation.entity_tag where tag = ?) where n <= ? order by outcome desc, n""",
        [tag, EXAMPLES],
    )
    return [
        {"outcome": outcome, "evidence": without_personal_data(evidence, facts)} for outcome, evidence in rows or []
    ]


def without_personal_data(evidence: str, facts: dict[str, Fact]) -> str:
    """Evidence as JSON text in which the value of every personal (or unknown) fact is replaced."""
    said = json.loads(evidence)
    said["inputs"] = {
        name: value if value is None or (name in facts and not facts[name].personal) else HIDDEN
        for name, value in said.get("inputs", {}).items()
    }
    return json.dumps(said, ensure_ascii=False)


# ---- the reference page ------------------------------------------------------------------------------------------------


def table_of_tags() -> str:
    """Markdown: every rule by group, then every fact by entity."""
    out = []
    tags = load_tags()
    out.append(f"{len({t.tag for t in tags})} tags in {len({t.group for t in tags})} groups.\n")
    for group in dict.fromkeys(t.group for t in tags):
        own = [t for t in tags if t.group == group]
        out.append(f"\n### {own[0].group_name}（`{group}.yaml`）\n\n")
        out.append("| 标签 | 名称 | 对象 | 定义 | 依据 | 用到的事实 | 规则有效期 | 负责 |\n" + "|---" * 8 + "|\n")
        out += [
            _row(
                f"`{t.tag}`", t.name, _ENTITY[t.entity], t.definition, t.source, "、".join(f"`{n}`" for n in t.inputs),
                f"{t.valid_from} 起" + (f"，至 {t.valid_to} 前" if t.valid_to else ""), t.owner,
            )
            for t in own
        ]  # fmt: skip
    out.append("\n## Facts by entity\n")
    for entity, book in load_facts().items():
        needs = book.needs
        out.append(
            f"\n### {_ENTITY[entity]}（`facts/{entity}.yaml`）\n\n| 事实 | 含义 | 类型 | 需要的数据集 |\n|---|---|---|---|\n"
        )
        types = book.types()
        out += [
            _row(f"`{name}`", fact.zh, types[name], "、".join(sorted(needs[name]))) for name, fact in book.all().items()
        ]
    return "".join(out)


def _row(*cells: str) -> str:
    return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |\n"


def page(text: str) -> str:
    """The page with today's tables between its marks. Raises WrongUse where it has no marks."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise WrongUse(f"the page has no {BEGIN} … {END}")
    return f"{head}{BEGIN}\n{table_of_tags()}{END}{tail}"


def write_page(path: Path) -> int:
    """Puts the tables into the page at `path`. Returns how many tags there are."""
    path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
    return len({t.tag for t in load_tags()})
