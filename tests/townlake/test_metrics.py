"""What a run cost stands in the lake once, whatever is killed, and goes out as figures that name no person."""

from __future__ import annotations

import json
import threading

import pytest

from townlake import metrics
from warehouse.home import Home
from warehouse.lake import reading, writing


def lines(home: Home) -> list[dict[str, object]]:
    return [json.loads(line) for line in (home.work / "metrics" / "steps.jsonl").read_text().splitlines()]


def test_a_step_is_measured_whether_it_ends_well_or_not(home: Home) -> None:
    with metrics.measured(home, "linkage"):
        sum(range(300_000))
    with pytest.raises(ZeroDivisionError), metrics.measured(home, "take", "minzheng/低保.xlsx"):
        1 / 0  # noqa: B018
    well, badly = lines(home)
    assert (well["step"], well["outcome"], well["subject"]) == ("linkage", "ended", None)
    assert 0 < float(str(well["processor_seconds"])) <= float(str(well["seconds"])) + 0.5
    assert int(str(well["peak_bytes"])) > 10 * 2**20
    assert (badly["outcome"], badly["subject"]) == ("ZeroDivisionError", "minzheng/低保.xlsx")


def test_steps_that_end_at_once_do_not_mix(home: Home) -> None:
    def many() -> None:
        for number in range(50):
            with metrics.measured(home, "take", f"gongan/{number}.csv"):
                pass

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(home)) == 200


def test_each_step_is_taken_up_once_under_the_build_that_followed(kept: Home) -> None:
    for step in ("staging", "linkage"):
        with metrics.measured(kept, step):
            pass
    text = (kept.work / "metrics" / "steps.jsonl").read_text()
    with writing(kept) as con:
        metrics.prepare(con)
        assert metrics.take_up(con, kept, "B1") == 2
        assert metrics.take_up(con, kept, "B2") == 0
        # killed after the rows were written and before the file was removed, with half a line behind it
        (kept.work / "metrics" / "taken-left.jsonl").write_text(text + '{"step": "sta')
        with metrics.measured(kept, "marts"):
            pass
        assert metrics.take_up(con, kept, "B3") == 1
        rows = con.execute("select build_id, step from lake.quality.step_metric order by all").fetchall()
    assert rows == [("B1", "linkage"), ("B1", "staging"), ("B3", "marts")]
    assert not list((kept.work / "metrics").iterdir())


def test_files_taken_at_the_same_instant_are_all_counted(kept: Home) -> None:
    for file in ("gongan/1.csv", "gongan/2.csv"):
        with metrics.measured(kept, "take", file):
            pass
    path = kept.work / "metrics" / "steps.jsonl"
    first, second = lines(kept)
    path.write_text("".join(json.dumps(line | {"started_at": first["started_at"]}) + "\n" for line in (first, second)))
    with writing(kept) as con:
        metrics.prepare(con)
        path.rename(path.with_name("taken-a.jsonl"))
        path.write_text(json.dumps(first) + "\n")
        assert metrics.take_up(con, kept, "B1") >= 2
        assert con.execute("select count(distinct subject) from lake.quality.step_metric").fetchone() == (2,)


@pytest.mark.slow
def test_the_figures_of_a_build_are_those_of_its_tables(first_month: Home) -> None:
    told = metrics.gauges(first_month)
    rows = {(g.name, g.tags["dataset"]): g.value for g in told if "dataset" in g.tags}
    with reading(first_month) as con:
        held = con.execute(
            "select dataset, sum(data_rows), sum(accepted), sum(quarantined) from foundation.delivery where status = 'taken' group by 1"
        ).fetchall()
        steps = con.execute("select step, count(*), min(seconds) from quality.step_metric group by 1").fetchall()
    for dataset, read, accepted, quarantined in held:
        assert rows["townlake.rows.read", dataset] == read == accepted + quarantined
        assert rows["townlake.rows.quarantined", dataset] == quarantined
    assert {s for s, _, _ in steps} >= {"take", "staging", "intermediate", "linkage", "foundation", "marts", "gate raw"}
    assert {g.tags["step"] for g in told if g.name == "townlake.step.seconds"} == {s for s, _, _ in steps}
    assert any(g.name == "townlake.days_late" for g in told)
