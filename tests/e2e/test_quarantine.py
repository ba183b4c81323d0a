"""Refused rows go out as workbooks, come back corrected and enter the foundation; nothing is lost or counted twice."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ingestion.contracts import load_contracts, sources_folder
from ingestion.corrections import SHEET
from ingestion.receipts import known_receipts
from tests.fingerprint import fingerprint
from townlake import steps
from townlake.decisions import decide
from townlake.quarantine import look
from townlake.quarantine.export import export
from warehouse.errors import WrongUse
from warehouse.home import DBT_PROJECT, Home
from warehouse.lake import reading

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200), pytest.mark.xdist_group("quarantine")]

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def sound_number(serial: int) -> str:
    """A citizen id nobody in the city has (GB 11643)."""
    body = f"37069919500101{serial:03d}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, WEIGHTS, strict=True)) % 11]


def all_of(home: Home, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with reading(home) as con:
        return con.execute(sql, list(values)).fetchall()


@pytest.fixture(scope="module")
def built(first_month: Home) -> Home:
    return first_month


@pytest.fixture(scope="module")
def corrected(built: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, str], dict[str, str]]:
    """A copy where every refused id was corrected in the workbooks but one a dataset, which got another wrong number.

    Returns the home, id → number of the rows made sound, id → number of those that were not.
    """
    root = tmp_path_factory.mktemp("corrected")
    shutil.copytree(built.root, root / "home")
    home = Home.at(root / "home")
    sound: dict[str, str] = {}
    half: dict[str, str] = {}

    def mend(quarantine_id: str, cell: Callable[[str], Any], header: str, first: bool) -> None:
        number = sound_number(len(sound) + len(half) + 1)
        cell(header).value = number if not first else number[:-1] + ("0" if number[-1] != "0" else "1")
        (half if first else sound)[quarantine_id] = cell(header).value
        with contextlib.suppress(KeyError):  # a number that tells another year of birth than its row says nobody's name
            cell("出生日期").value = "19500101"
        cell("处理").value, cell("更正人").value = "更正", "赵六"

    fill_in(home, mend)
    steps.ingest(home)
    assert steps.build(home)["published"]
    return home, sound, half


def fill_in(home: Home, mend: Callable[[str, Callable[[str], Any], str, bool], None]) -> None:
    """Exports, lets `mend` change each row refused for a column of 18 digits, and drops the workbooks."""
    for one in export(home, load_contracts()):
        book = openpyxl.load_workbook(one.file)
        head = [c.value for c in book[SHEET][1]]
        rows = [dict(zip(head, row, strict=False)) for row in book[SHEET].iter_rows(min_row=2)]
        seen = 0
        for row in rows:
            reason = str(row["退回原因"].value)
            header = reason.split("”", maxsplit=1)[0].removeprefix("“")
            if header in row and "残疾" not in header and "号码" in reason:
                mend(str(row["隔离编号"].value), row.__getitem__, header, seen == 0)
                seen += 1
        target = home.landing / one.department / Path(one.file).name
        target.parent.mkdir(parents=True, exist_ok=True)
        book.save(target)


def test_corrected_rows_are_in_the_foundation_and_totals_add_up(
    built: Home, corrected: tuple[Home, dict[str, str], dict[str, str]]
) -> None:
    home, sound, _ = corrected
    assert len(sound) >= 3
    found = all_of(
        home,
        """select quarantine_id, status, corrected_by, status_by, corrected_columns is not null from foundation.quarantine
           where list_contains(?::varchar[], quarantine_id)""",
        list(sound),
    )
    assert sorted(found) == sorted((i, "replayed", "赵六", "赵六", True) for i in sound)
    people = all_of(
        home,
        "select id_number from foundation.person where list_contains(?::varchar[], id_number)",
        list(sound.values()),
    )
    assert {p for (p,) in people} == set(sound.values())
    before = all_of(built, "select sum(accepted), sum(quarantined) from foundation.delivery")[0]
    after = all_of(home, "select sum(accepted), sum(quarantined) from foundation.delivery")[0]
    assert after == (before[0] + len(sound), before[1] - len(sound))
    assert all_of(
        home, "select count(*) from foundation.delivery where status = 'taken' and data_rows <> accepted + quarantined"
    ) == [(0,)]
    still = all_of(home, "select count(*) from foundation.quarantine where status <> 'replayed'")[0][0]
    assert still == after[1]


@pytest.mark.long
def test_what_was_delivered_stays_visible_beside_what_was_corrected(
    corrected: tuple[Home, dict[str, str], dict[str, str]],
) -> None:
    home, sound, _ = corrected
    rows = all_of(
        home,
        """select q.quarantine_id, q.raw, r.raw, r.value, c.old_value, c.new_value
           from foundation.quarantine as q
           join staging.repair as r on q.delivery_id = r.delivery_id and q.row_number = r.row_number and q.sheet is not distinct from r.sheet
           join quality.correction as c on q.delivery_id = c.delivery_id and q.row_number = c.row_number and q.sheet is not distinct from c.sheet
           where r.rule = 'corrected_by_department' and q.status = 'replayed'
             and c.new_value <> '19500101' and r.value <> '1950-01-01'""",
    )
    assert {r[0] for r in rows} == set(sound)
    for quarantine_id, refused, delivered, value, old, new in rows:
        assert delivered == old
        assert old in refused
        assert value == new == sound[quarantine_id]


def test_a_half_corrected_row_stays_open_and_its_receipt_says_why(
    corrected: tuple[Home, dict[str, str], dict[str, str]],
) -> None:
    home, sound, half = corrected
    found = all_of(
        home,
        "select status, note, reason from foundation.quarantine where list_contains(?::varchar[], quarantine_id)",
        list(half),
    )
    assert len(found) == len(half) >= 2
    assert {r[:2] for r in found} == {("open", "更正后仍不合格")}
    receipts = [r for r in known_receipts(home).values() if r["status"] == "correction"]
    states = {row["quarantine_id"]: row for r in receipts for row in r["outcome"]["rows"]}
    assert {i for i, row in states.items() if row["state"] == "replayed"} == set(sound)
    assert all(states[i]["state"] == "open" and "校验码" in states[i]["reason"] for i in half)
    pages = [p.read_text(encoding="utf-8") for p in home.outbox.glob("*/*.html")]
    assert sum("已检查" in p and "仍不合格" in p for p in pages) >= 1


def test_the_same_corrections_again_are_nothing_new(corrected: tuple[Home, dict[str, str], dict[str, str]]) -> None:
    home, _, _ = corrected
    for path in list(home.landing.glob("*/更正表*.xlsx")):
        openpyxl.load_workbook(path).save(path.with_name("再存" + path.name))
    _, receipts = steps.ingest(home)
    assert receipts
    assert all(
        r["raw"] is None and r["corrections"]["repeated"] > 0 for r in receipts if r["corrections"]["unchanged"] == 0
    )
    assert steps.build(home)["reason"] == "nothing new"


@pytest.mark.long
def test_a_full_rebuild_gives_the_same(corrected: tuple[Home, dict[str, str], dict[str, str]], tmp_path: Path) -> None:
    shutil.copytree(corrected[0].root, tmp_path / "home")
    home = Home.at(tmp_path / "home")
    before = fingerprint(home)
    assert steps.build(home, full=True)["published"]
    after = fingerprint(home)
    assert {t: (after.get(t), before[t]) for t in before if after.get(t) != before[t]} == {}


def test_what_a_newer_full_delivery_has_replaced_is_no_work(two_months: Home, tmp_path: Path) -> None:
    current, every = (
        {w.dataset: w.rows for w in export(two_months, load_contracts(), out=tmp_path / name, superseded=old)}
        for name, old in (("current", False), ("every", True))
    )
    refused = dict(
        all_of(two_months, "select dataset, count(*) from foundation.quarantine where status = 'open' group by 1")
    )
    full = {k for k, c in load_contracts().items() if c.custom.delivery.kind == "full"}
    assert every == refused
    assert {k: n for k, n in current.items() if k not in full} == {k: n for k, n in refused.items() if k not in full}
    newest = all_of(
        two_months,
        """select q.dataset, count(*) from foundation.quarantine as q
           where q.status = 'open' and q.delivery_id = (
               select arg_max(d.delivery_id, (d.delivered_on, d.received_at)) from foundation.delivery as d
               where d.dataset = q.dataset and d.status = 'taken')
           group by 1""",
    )
    assert {k: n for k, n in current.items() if k in full} == {k: n for k, n in newest if k in full}
    assert sum(current.values()) < sum(every.values())


@pytest.mark.long
def test_withdrawn_corrections_leave_the_foundation_as_if_they_had_never_come(
    built: Home, corrected: tuple[Home, dict[str, str], dict[str, str]], tmp_path: Path
) -> None:
    shutil.copytree(corrected[0].root, tmp_path / "home")
    home = Home.at(tmp_path / "home")
    books = [r["file"] for r in known_receipts(home).values() if r["status"] == "correction"]
    for file in books:
        assert decide(home, file, "withdraw", by="lead", reason="改错了人")["status"] == "withdrawn"
        decide(home, file, "withdraw", by="lead")  # a second time changes nothing
        with pytest.raises(WrongUse, match="exported"):
            decide(home, file, "release", by="lead")
    assert steps.unbuilt(home)
    assert steps.build(home)["published"]
    told = ("foundation.quarantine", "foundation.entity_change")  # what happened stays on record
    was, now = ({k: v for k, v in fingerprint(h).items() if k not in told} for h in (built, home))
    assert now == was
    rows = all_of(home, "select status, count(*) from foundation.quarantine group by 1")
    assert rows == all_of(built, "select status, count(*) from foundation.quarantine group by 1")
    found = all_of(
        home,
        "select distinct status, note, status_by from foundation.quarantine where list_contains(?::varchar[], quarantine_id)",
        list(corrected[1]),
    )
    assert found == [("open", "更正表已撤回：改错了人", "lead")]
    kept = all_of(home, "select count(*), count(distinct workbook_delivery_id) from quality.correction_withdrawn")
    assert kept[0][0] >= len(corrected[1]) and kept[0][1] == len(books)


@pytest.mark.long
def test_an_older_workbook_cannot_undo_a_newer_correction(built: Home, tmp_path: Path) -> None:
    shutil.copytree(built.root, tmp_path / "home")
    home = Home.at(tmp_path / "home")
    first = export(home, load_contracts(), dataset="gongan.changzhu", out=tmp_path / "first")[0]
    wrong = sound_number(1)[:-1] + ("0" if sound_number(1)[-1] != "0" else "1")

    def drop(path: str, name: str, number: str) -> None:
        book = openpyxl.load_workbook(path)
        sheet = book[SHEET]
        at = {c.value: c.column for c in sheet[1]}
        rows = [r for r in range(2, sheet.max_row + 1) if "公民身份号码" in str(sheet.cell(r, at["退回原因"]).value)]
        sheet.cell(rows[0], at["公民身份号码"]).value = number
        (home.landing / "gongan").mkdir(parents=True, exist_ok=True)
        book.save(home.landing / "gongan" / name)
        steps.ingest(home)
        steps.build(home)

    drop(first.file, "一.xlsx", wrong)
    drop(
        export(home, load_contracts(), dataset="gongan.changzhu", out=tmp_path / "second")[0].file,
        "二.xlsx",
        wrong[:-2] + "XX",
    )
    drop(first.file, "三.xlsx", sound_number(2))
    last = next(r for r in known_receipts(home).values() if r["file"].endswith("三.xlsx"))
    assert [r["state"] for r in last["outcome"]["rows"]] == ["declined"]
    assert "重新导出" in last["outcome"]["rows"][0]["reason"]
    assert all_of(home, "select count(*) from foundation.person where id_number = ?", sound_number(2)) == [(0,)]


@pytest.mark.long
def test_a_dismissed_row_stays_refused_and_is_asked_for_no_more(built: Home, tmp_path: Path) -> None:
    shutil.copytree(built.root, tmp_path / "home")
    home = Home.at(tmp_path / "home")
    contracts = load_contracts()
    row = look.rows(home, contracts, dataset="gongan.changzhu", status="open")[0]
    with pytest.raises(WrongUse, match="reason"):
        look.dismiss(home, row["quarantine_id"], by="lead", reason=" ")
    look.dismiss(home, row["quarantine_id"], by="lead", reason="查无此人")
    assert steps.unbuilt(home)
    assert steps.build(home)["published"]
    found = all_of(
        home, "select status, status_by, note from foundation.quarantine where quarantine_id = ?", row["quarantine_id"]
    )
    assert found == [("dismissed", "lead", "查无此人")]
    exported = export(home, contracts, dataset="gongan.changzhu", out=tmp_path / "out")
    assert sum(e.rows for e in exported) == len(look.rows(home, contracts, dataset="gongan.changzhu", status="open"))
    assert all_of(
        home, "select sum(data_rows) = sum(accepted + quarantined) from foundation.delivery where status = 'taken'"
    ) == [(True,)]


@pytest.mark.long
def test_a_changed_rule_releases_rows(built: Home, tmp_path: Path) -> None:
    shutil.copytree(built.root, tmp_path / "home")
    shutil.copytree(sources_folder(), tmp_path / "sources")
    shutil.copytree(DBT_PROJECT, tmp_path / "dbt_project")
    contract = tmp_path / "sources" / "gongan" / "changzhu" / "contract.yaml"
    text = contract.read_text(encoding="utf-8")
    assert "id_bad_check: quarantine" in text
    contract.write_text(text.replace("id_bad_check: quarantine", "id_bad_check: warning"), encoding="utf-8")
    home = Home.at(tmp_path / "home")
    waiting = look.rows(home, load_contracts(), dataset="gongan.changzhu", status="open")
    released = {r["quarantine_id"] for r in waiting if r["rule"] == "id_bad_check"}
    assert released
    done = subprocess.run(
        [sys.executable, "-m", "townlake", "quarantine", "replay", "--rule", "id_bad_check", "--dataset", "gongan.changzhu", "--json"],
        capture_output=True, text=True, check=False,
        env={**os.environ, "TOWNLAKE_HOME": str(home.root), "TOWNLAKE_SOURCES": str(tmp_path / "sources"),
             "TOWNLAKE_DBT_PROJECT": str(tmp_path / "dbt_project")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout)
    assert (answer["deliveries"], answer["replayed"]) == (1, len(released))
    found = all_of(home, "select quarantine_id, note, status_by from foundation.quarantine where status = 'replayed'")
    assert {r[0] for r in found} == released
    assert {r[1:] for r in found} == {("规则、代码表或契约变更后通过", None)}
    with pytest.raises(WrongUse, match="no row is refused by the rule"):
        look.replay(home, load_contracts(), rule="no_such_rule")
