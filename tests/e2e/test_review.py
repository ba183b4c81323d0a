"""Doubtful pairs go out as workbooks, come back decided and are obeyed by every later build; the why card tells of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ingestion.contracts import load_contracts
from ingestion.receipts import known_receipts
from ingestion.review import NOUNS, SHEET
from townlake import steps, why_page
from townlake.review import ledger
from townlake.review.doubtful import find
from townlake.review.export import export
from townlake.why import BY_EVIDENCE, explain_entity
from warehouse.home import Home
from warehouse.lake import reading, writing

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.timeout(1800),
    pytest.mark.xdist_group("review"),
]


def all_of(home: Home, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with reading(home) as con:
        return con.execute(sql, list(values)).fetchall()


def entity_of(home: Home, entity: str, content: str) -> str | None:
    return str(all_of(home, f"select {entity}_id from registry.{entity}_link where content_id = ?", content)[0][0])


def links(home: Home) -> dict[str, str | None]:
    """content → person, of everybody."""
    return dict(all_of(home, "select content_id, person_id from registry.person_link"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, small_city: Path) -> Home:
    home = Home.at(tmp_path_factory.mktemp("review") / "home").prepare()
    steps.ingest(home, small_city / "landing")
    assert steps.build(home)["published"]
    return home


@pytest.fixture(scope="module")
def decided(
    built: Home, small_city: Path
) -> tuple[Home, dict[str, tuple[str, str, str, str]], tuple[str, str], dict[str, str | None]]:
    """The home after decisions on pairs of the list, one wrong merge undone, and a second month on top.

    Returns home, pair id → (entity, left, right, verdict), the contents that were parted, and who was who before.
    """
    home = built
    before = links(home)
    told: dict[str, tuple[str, str, str, str]] = {}
    used: set[str] = set()
    by_id = {d.pair_id: d for d in find(home, load_contracts())}
    for one in export(home, load_contracts()):
        book = openpyxl.load_workbook(one.file)
        sheet, noun = book[SHEET], NOUNS[one.entity]
        at = {c.value: c.column for c in sheet[1]}
        for row in range(2, sheet.max_row + 1, 2):
            pair = by_id[sheet.cell(row, 1).value]
            if {pair.left_content, pair.right_content} & used:  # what is decided twice might contradict itself
                continue
            used |= {pair.left_content, pair.right_content}
            verdict = "other" if len(told) % 3 == 2 else "same"
            sheet.cell(row, at["判断"]).value = f"是同一{noun}" if verdict == "same" else f"不是同一{noun}"
            sheet.cell(row, at["核对人"]).value = "王核"
            told[pair.pair_id] = (one.entity, pair.left_content, pair.right_content, verdict)
        target = home.landing / "核对" / Path(one.file).name
        target.parent.mkdir(parents=True, exist_ok=True)
        book.save(target)
    steps.ingest(home)
    wrong, right = all_of(
        home,
        """select any_value(l.content_id), any_value(anchor.content_id)
           from registry.person_link as l join registry.person_link as anchor
             on anchor.person_id = l.person_id and anchor.link_rule = 'verified_identifier'
           where l.link_rule = 'probabilistic' group by l.unit_key order by l.unit_key limit 1""",
    )[0]
    with writing(home) as con:
        ledger.decide(con, "person", right, wrong, verdict="other", by="李审", reason="同名的另一个人")
    assert steps.build(home)["published"]
    assert steps.build(home)["reason"] == "nothing new"
    steps.ingest(home, small_city / "landing_2")
    assert steps.build(home)["published"]
    return home, told, (right, wrong), before


Decided = tuple[Home, dict[str, tuple[str, str, str, str]], tuple[str, str], dict[str, str | None]]


def test_the_foundation_follows_decisions_and_stays_with_them(decided: Decided) -> None:
    home, told, _, _ = decided
    assert told, "this city leaves nothing in doubt: take another seed"
    settled = {
        row["pair_id"]: row["state"]
        for r in known_receipts(home).values()
        if r["status"] == "review"
        for row in r["outcome"]["rows"]
    }
    for pair, (entity, left, right, verdict) in told.items():
        assert settled[pair] == {"same": "merged", "other": "parted"}[verdict]
        assert (entity_of(home, entity, left) == entity_of(home, entity, right)) is (verdict == "same")
    assert "merged" in settled.values()
    still = {d.pair_id for d in find(home, load_contracts())}
    assert not still & set(settled)


def test_a_wrong_merge_is_undone_and_nobody_else_is_touched(decided: Decided) -> None:
    home, told, (right, wrong), before = decided
    now = links(home)
    assert now[wrong] != now[right] == before[right]
    meant = {c for entity, left, other, _ in told.values() if entity == "person" for c in (left, other)} | {wrong}
    moved = {
        c for c in before if now.get(c) != before[c] and before[c] not in {before[m] for m in meant} and c not in meant
    }
    follows = all_of(
        home, "select reason from foundation.entity_change where entity = 'person' and old_id = ?", before[right]
    )
    assert ("split",) in follows or now[wrong] is None
    assert len(moved) <= len(before) // 100, "a second month may join a few that the first left apart, decisions nobody"


def test_an_id_that_was_merged_away_leads_to_its_successor(decided: Decided) -> None:
    home, _, _, _ = decided
    merged = all_of(
        home,
        """select entity, old_id from foundation.entity_change where reason = 'merged' and build_id is not null
           order by entity, old_id""",
    )
    assert merged
    for entity, old in merged[:3]:
        answer = explain_entity(home, entity, old, load_contracts())
        assert answer["asked_for"] == old
        assert old in {c["old_id"] for c in answer["changes"]} or answer["id"] == old
        page = why_page.render(answer, load_contracts())
        assert answer["id"] in page


def test_the_card_explains_what_evidence_joined_and_who_decided(decided: Decided) -> None:
    home, _, (right, _), _ = decided
    (joined,) = all_of(
        home, "select person_id from registry.person where link_rule = 'probabilistic' order by 1 limit 1"
    )
    answer = explain_entity(home, "person", joined[0], load_contracts())
    units = [u for u in answer["units"] if u["link_rule"] in BY_EVIDENCE]
    assert units
    for unit in units:
        pair = unit["pair"]
        total = pair["start"] + sum(e["bits"] for e in pair["evidence"])
        assert total == pytest.approx(pair["match_weight"], abs=0.05)
        assert not pair["weights_changed_since"]
    person = links(home)[right]
    assert person
    said = explain_entity(home, "person", person)["decisions"]
    assert [(d["verdict"], d["decided_by"], d["reason"]) for d in said] == [("other", "李审", "同名的另一个人")]
