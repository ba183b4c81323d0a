"""Months of small changes leave a lake as many files as a week of them; retained builds show what they showed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from townlake import steps
from warehouse import builds, maintenance
from warehouse.home import Home
from warehouse.lake import writing


def test_files_stay_few_where_every_day_takes_some_rows_out(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each day adds rows and changes a few old ones, as the registry's links do."""
    monkeypatch.setattr(maintenance, "MANY_DELETES", 3)
    counts, shown, rewritten = [], {}, 0
    with writing(home) as con:
        con.execute("create table foundation.build (lake_snapshot bigint, published boolean)")
        con.execute("create table registry.link as select range as id, 0 as day from range(10000)")
        for day in range(1, 19):
            con.execute(f"insert into registry.link select 10000 + {day} * 20 + range, {day} from range(20)")
            con.execute(
                f"update registry.link set day = {day} where id in (select {day} * 37 + range * 911 from range(5)) or id = 10000 + {day} * 20 - 3"
            )
            con.execute("insert into foundation.build select max(snapshot_id), true from ducklake_snapshots('lake')")
            (snapshot,) = con.execute("select max(lake_snapshot) from foundation.build").fetchone() or (0,)
            shown[snapshot] = con.execute("select count(*), sum(day) from registry.link").fetchone()
            rewritten += maintenance.maintain_lake(con, keep_builds=3).rewritten_tables
            counts.append(len(list((home.lake / "registry" / "link").glob("*.parquet"))))
        assert rewritten >= 3
        assert max(counts[9:]) <= max(counts[:9]), counts
        for snapshot in sorted(shown)[-3:]:
            at = con.execute(f"select count(*), sum(day) from registry.link at (version => {snapshot})").fetchone()
            assert at == shown[snapshot]


def test_pages_of_builds_that_are_no_longer_kept_go(kept: Home) -> None:
    """`kept` has one published build; four more, of which the second is stopped."""
    begun = datetime.now(UTC)
    with writing(kept) as con:
        for number in range(1, 5):
            builds.record(con, f"after{number}", begun + timedelta(minutes=number), published=number != 2)
    for name in ("b2", "after1", "after2", "after3", "after4"):
        (kept.reports / name).mkdir(parents=True)
        (kept.reports / name / "gates.html").write_text("page", encoding="utf-8")
    (kept.reports / "scorecard.html").write_text("page", encoding="utf-8")
    assert steps.maintain(kept, keep_builds=5)["removed_reports"] == 0
    assert steps.maintain(kept, keep_builds=2)["removed_reports"] == 3
    assert sorted(p.name for p in kept.reports.iterdir()) == ["after3", "after4", "scorecard.html"]
