"""The road killed at random moments and run again: `python -m tests.killing FOLDER [--kills 20] [--seed S] [--part 1/2]`.

A tiny city of two months is taken through the road once, step by step, undisturbed; before each step the home is copied, after it
a checksum of every table is kept. An attempt takes such a copy, begins the step, kills it at a random moment, and goes on in one of
two ways: the step again, as Airflow retries a task, after which every table must be as after the undisturbed step; or everything
anew, as the next `townlake run` does, after which readers must see what they see undisturbed, ids included. Many attempts are killed
again on the way, up to four times. The kill takes the process alone or all that it started.

Every piece of work is a fork of this process, which has loaded everything and never starts an engine (a fork of a process with
threads may wait for ever): a piece costs what its work costs. FOLDER keeps the undisturbed road, so that further calls with other
seeds need not walk it. Prints a line of JSON per attempt; the exit code is 1 where anything was found wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingestion.files import write_atomic
from warehouse.home import REPOSITORY, Home
from warehouse.lock import exclusive
from warehouse.version import code_version

PERSONS, SEED_OF_CITY = 120, 11
DATASETS = ("gongan.changzhu", "shichang.zhuti", "zongzhi.wangge", "minzheng.sheshi", "rexian.gongdan")
"""People, firms, grids and areas, facilities, events, and the places all of them stand in."""
WITHDRAWN = "zongzhi.wangge"
ANEW = 0.2
"""Share of the attempts that go on with everything anew."""
KILLS = (1, 1, 2, 3, 4)
"""How often an attempt is killed, one as likely as another."""
STARTED = datetime(2026, 11, 1, tzinfo=UTC)
TRIES = 4
PATIENCE_SECONDS = 300.0
END = "end"
LOADED = (
    "great_expectations", "polars", "splink", "quality.gates", "quality.grades", "quality.scorecard_page",
    "townlake.quarantine.answer", "townlake.review.answer", "warehouse.classification.classified",
)  # fmt: skip

State = dict[str, Any]


@dataclass(frozen=True)
class Ground:
    """A home with what surrounds it."""

    root: Path
    landings: Path

    @property
    def home(self) -> Home:
        return Home.throwaway(self.root / "home")

    @property
    def safe(self) -> Path:
        """Where safety copies go."""
        return self.root / "safe"


@dataclass(frozen=True)
class Step:
    """One step of a month."""

    month: int
    name: str
    call: Callable[[Ground], object]

    @property
    def title(self) -> str:
        return f"{self.month} {self.name}"


# ---- the road -----------------------------------------------------------------------------------------------------------


def road() -> list[Step]:
    """Every step of two months in order, as the DAGs call them."""
    from townlake import keeping, steps

    def ingest(month: int) -> Callable[[Ground], object]:
        return lambda g: steps.ingest(g.home, landing(g, month))

    def register(ground: Ground) -> None:
        assert steps.register(ground.home), "there is nothing to build"

    def gate(layer: str, month: int) -> Callable[[Ground], object]:
        return lambda g: steps.gate(g.home, layer, f"b{month}")

    def layer(name: str) -> Callable[[Ground], object]:
        return lambda g: steps.build_layer(g.home, name)

    out = []
    for month in (1, 2):
        out += [
            Step(month, "ingest", ingest(month)),
            *([Step(month, "withdraw", withdraw)] if month == 2 else []),
            Step(month, "register", register),
            Step(month, "gate raw", gate("raw", month)),
            Step(month, "staging", layer("staging")),
            Step(month, "gate staging", gate("staging", month)),
            Step(month, "intermediate", layer("intermediate")),
            Step(month, "linkage", lambda g: steps.link(g.home)),
            Step(month, "foundation", layer("foundation")),
            Step(month, "gate foundation", gate("foundation", month)),
            Step(month, "marts", layer("marts")),
            Step(month, "gate marts", gate("marts", month)),
            Step(month, "scorecard", lambda g, month=month: steps.score(g.home, f"b{month}")),  # type: ignore[misc]
            Step(month, "publish", lambda g, month=month: steps.publish(g.home, f"b{month}", STARTED)),  # type: ignore[misc]
        ]
    return [
        *out,
        Step(2, "maintenance", lambda g: steps.maintain(g.home)),
        Step(2, "backup", lambda g: keeping.backup(g.home, g.safe, check=True)),
    ]


def landing(ground: Ground, month: int) -> Path:
    """Folder of a month's deliveries."""
    return ground.landings / ("landing" if month == 1 else f"landing_{month}")


def withdraw(ground: Ground) -> None:
    """Takes back a delivery of the first month, unless that is done."""
    from townlake.decisions import decide, deliveries_of

    first = min(deliveries_of(ground.home, dataset=WITHDRAWN), key=lambda d: (d["delivered_on"], d["file"]))
    if first["status"] != "withdrawn":
        decide(ground.home, first["delivery_id"], "withdraw", by="tester", reason="wrong month")


def anew(ground: Ground, step: Step) -> None:
    """What people do after a crash: run. Says on its way where it is."""
    from townlake import steps

    def say(text: str) -> None:
        (ground.root / "at").write_text(text, encoding="utf-8")

    say("ingest")
    steps.ingest(ground.home, landing(ground, step.month))
    if step.month == 2:
        withdraw(ground)
    say("register")
    steps.build(ground.home, progress=say)
    if step.name in ("maintenance", "backup"):
        say(step.name)
        step.call(ground)


def place(ground: Ground) -> str:
    """Where a run anew is."""
    path = ground.root / "at"
    return path.read_text(encoding="utf-8") if path.exists() else "ingest"


# ---- what must be the same ----------------------------------------------------------------------------------------------


def state_after(ground: Ground, step: Step) -> State:
    """Receipts, and every table of the tip of the lake."""
    from tests.fingerprint import of_tip
    from warehouse.lake import lake_exists

    state: State = {"receipts": receipts(ground.home)}
    if lake_exists(ground.home):
        state |= of_tip(ground.home)
    return state


def receipts(home: Home) -> list[Any]:
    """Each delivery once: what it is, what became of it and how many rows; its raw file is there."""
    from ingestion.receipts import known_receipts

    known = known_receipts(home).values()
    for receipt in known:
        if receipt.get("raw"):
            assert (home.root / receipt["raw"]).exists(), receipt["file"]
    kept = ("delivery_id", "file", "aliases", "status", "dataset", "delivered_on", "rows")
    return sorted(([r.get(k) for k in kept] for r in known), key=str)


def seen(ground: Ground, step: Step) -> State:
    """What readers see, at each published build, and what the doctor says."""
    from tests.fingerprint import at_builds, fingerprint
    from townlake.doctor import examine

    state: State = {"receipts": receipts(ground.home), **fingerprint(ground.home)}
    wrong = [f["detail"] for f in examine(ground.home, deep=step.name == "maintenance") if not f["ok"]]
    assert not wrong, wrong
    if step.name == "maintenance":
        assert not orphans(ground.home)
        state["builds"] = at_builds(ground.home)
    if step.name == "backup":
        state["restored"] = restored(ground)
    return state


def orphans(home: Home) -> list[Any]:
    """Files of the lake that the catalogue does not name."""
    from warehouse.lake import writing
    from warehouse.lock import lake_writer

    with lake_writer(home, "test"), writing(home) as con:
        return con.execute("call ducklake_delete_orphaned_files('lake', cleanup_all => true, dry_run => true)").fetchall()  # fmt: skip


def restored(ground: Ground) -> Any:
    """What readers see of the safety copy, put back elsewhere."""
    from tests.fingerprint import at_builds
    from townlake import keeping

    other = Home.throwaway(ground.root / "restored")
    shutil.rmtree(other.root, ignore_errors=True)
    done = keeping.restore(ground.safe, other)
    assert all(f["ok"] for f in done["findings"]), done["findings"]
    return at_builds(other)


def differences(found: State, expected: State) -> list[str]:
    """Names of what is not as expected, with both."""
    return [
        f"{k}: {str(found.get(k))[:300]} instead of {str(expected.get(k))[:300]}"
        for k in sorted({*found, *expected})
        if found.get(k) != expected.get(k)
    ]


# ---- pieces of work, each a fork ----------------------------------------------------------------------------------------


def warm(scratch: Home) -> None:
    """Loads all that a step needs and parses the dbt project, without starting an engine's threads."""
    from ingestion.contracts import load_contracts
    from townlake.render import render
    from warehouse import dbt

    for name in LOADED:
        importlib.import_module(name)
    render(load_contracts())
    dbt.parse(scratch.prepare())
    shutil.rmtree(scratch.root)
    gc.freeze()
    engines = {comm.read_text().strip() for comm in Path("/proc/self/task").glob("*/comm")}
    assert not any(name.startswith(("polars-0", "duckdb", "tokio")) for name in engines), engines


def begin(log: Path, work: Callable[[], object]) -> int:
    """Forks a child that does `work` in a session of its own; returns its process id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setsid()
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def ended(child: int, seconds: float) -> int | None:
    """The child's exit code, or None when it is still at work after so many seconds."""
    until = time.monotonic() + seconds
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= until:
            return None
        time.sleep(0.002)


def session(leader: int) -> list[int]:
    """Processes of a session that are still there."""
    out = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                out.append(int(path.parent.name))
    return out


def kill(child: int, *, everything: bool) -> None:
    """SIGKILL to the child, and where wanted to all that it started at the same time."""
    for pid in [child, *(session(child) if everything else [])]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os.waitpid(child, 0)


def undisturbed(log: Path, work: Callable[[], object]) -> float:
    """Does `work` in a fork and returns its seconds; raises AssertionError with what it said when it fails."""
    started = time.monotonic()
    child = begin(log, work)
    code = ended(child, PATIENCE_SECONDS)
    if code is None:
        kill(child, everything=True)
    assert code == 0, f"ended with {code}: {log.read_text(errors='replace')[-3000:]}"
    return time.monotonic() - started


def told(ground: Ground, log: Path, look: Callable[[Ground, Step], State], step: Step) -> State:
    """What `look` says in a fork."""
    path = ground.root / "told.json"
    path.unlink(missing_ok=True)
    undisturbed(log, lambda: path.write_text(json.dumps(look(ground, step), default=str), encoding="utf-8"))
    return json.loads(path.read_text(encoding="utf-8"))


# ---- the undisturbed road -----------------------------------------------------------------------------------------------


def walk(folder: Path) -> dict[str, float]:
    """Walks the road once and keeps the home before each step and the step's seconds; returns the seconds. Only the first
    call of this code walks."""
    kept = folder / "road.json"
    if kept.exists() and (road_of := json.loads(kept.read_text(encoding="utf-8")))["code"] == code_version():
        return road_of["seconds"]
    for name in ("before", "after", "walk"):
        shutil.rmtree(folder / name, ignore_errors=True)
    city = folder / "city"
    if not (city / "truth").exists():  # in a process of its own: the generator starts engines
        code = f"from pathlib import Path; import sample_city; sample_city.generate({PERSONS}, {SEED_OF_CITY}, Path({str(city)!r}), periods=2, datasets={DATASETS!r})"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)
    ground = Ground(folder / "walk", city)
    ground.home.prepare()
    log = folder / "walk" / "log"
    seconds = {}
    for step in road():
        shutil.copytree(ground.root, folder / "before" / step.title)
        seconds[step.title] = undisturbed(log, lambda step=step: step.call(ground))  # type: ignore[misc]
    shutil.copytree(ground.root, folder / "before" / END)
    write_atomic(kept, json.dumps({"code": code_version(), "seconds": seconds}).encode())
    return seconds


def expected(folder: Path, title: str, look: Callable[[Ground, Step], State]) -> State:
    """What `look` said after a step of the undisturbed road; looked at when first asked for."""
    kept = folder / "after" / f"{title}, {look.__name__}.json"
    if not kept.exists():
        steps = road()
        index = next(i for i, step in enumerate(steps) if step.title == title)
        following = steps[index + 1].title if index + 1 < len(steps) else END
        ground = Ground(folder / f"look_{os.getpid()}", folder / "city")
        shutil.rmtree(ground.root, ignore_errors=True)
        shutil.copytree(folder / "before" / following, ground.root)
        kept.parent.mkdir(exist_ok=True)
        write_atomic(kept, json.dumps(told(ground, ground.root / "log", look, steps[index])).encode())
        shutil.rmtree(ground.root)
    return json.loads(kept.read_text(encoding="utf-8"))


# ---- attempts -----------------------------------------------------------------------------------------------------------


def attempts(seed: int) -> Iterator[tuple[int, int]]:
    """(number of the attempt, number of its step), steps in random order, each before one a second time."""
    chance = random.Random(seed)
    number, order = 0, []
    while True:
        if not order:
            order = list(range(len(road())))
            chance.shuffle(order)
        yield number, order.pop()
        number += 1


def attempt(folder: Path, seconds: dict[str, float], number: int, step: Step, seed: int) -> dict[str, Any]:
    """One attempt; what it did and what was found wrong."""
    chance = random.Random(f"{seed} {number}")
    whole = chance.random() < ANEW
    everything, times = chance.random() < 0.5, chance.choice(KILLS)
    record: dict[str, Any] = {
        "seed": seed, "attempt": number, "step": step.title, "then": "anew" if whole else "again",
        "killed": "everything" if everything else "process", "kills": [], "missed": 0, "wrong": [],
    }  # fmt: skip
    started = time.monotonic()
    ground = Ground(folder / f"attempt_{seed}_{number}", folder / "city")
    log = ground.root / "log"
    last = step.title
    if whole:
        last = step.title if step.name in ("maintenance", "backup") else f"{step.month} publish"
    month = [t for t in seconds if t.startswith(f"{step.month} ")]
    all_of_it = sum(seconds[t] for t in month[: month.index(last) + 1])
    leaders = []
    try:
        for again in range(times):
            work = (lambda: anew(ground, step)) if whole and again else (lambda: step.call(ground))
            usual = all_of_it if whole and again else seconds[step.title]
            for number_of_try in range(1 if again else TRIES):
                if not again:
                    shutil.rmtree(ground.root, ignore_errors=True)
                    shutil.copytree(folder / "before" / step.title, ground.root)
                moment = chance.uniform(0, usual) * 0.7**number_of_try
                child = begin(log, work)
                code = ended(child, moment)
                if code is None:
                    kill(child, everything=everything)
                    leaders.append(child)
                    at = place(ground) if whole and again else step.name
                    record["kills"].append({"at": at, "second": round(moment, 3), "of": round(usual, 2)})
                    break
                assert code == 0, f"ended with {code}: {log.read_text(errors='replace')[-3000:]}"
                record["missed"] += 1
        undisturbed(log, (lambda: anew(ground, step)) if whole else (lambda: step.call(ground)))
        for leader in leaders:
            _gone(leader)
        if whole:
            record["wrong"] = differences(told(ground, log, seen, step), expected(folder, last, seen))
        else:
            record["wrong"] = differences(told(ground, log, state_after, step), expected(folder, last, state_after))
            if step.name in ("publish", "maintenance", "backup"):
                record["wrong"] += differences(told(ground, log, seen, step), expected(folder, last, seen))
    except AssertionError as error:
        record["wrong"] = [*record["wrong"], str(error)]
    record["seconds"] = round(time.monotonic() - started, 1)
    for leader in leaders:
        kill_rest(leader)
    if not record["wrong"]:
        shutil.rmtree(ground.root, ignore_errors=True)
    return record


def _gone(leader: int) -> None:
    """What a killed process had started ends by itself."""
    until = time.monotonic() + 60
    while session(leader):
        assert time.monotonic() < until, "what a killed process had started does not end"
        time.sleep(0.05)


def kill_rest(leader: int) -> None:
    for pid in session(leader):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--part", default="1/1", help="which part of the attempts, of how many: 1/2")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no attempt after so many")
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    part, parts = (int(n) for n in arguments.part.split("/"))
    until = time.monotonic() + arguments.seconds
    warm(Home.throwaway(folder / f"scratch_{os.getpid()}"))
    with exclusive(folder / "walk.lock", "walking the road", wait_seconds=1800):
        seconds = walk(folder)
    steps, made, wrong = road(), 0, 0
    for number, index in attempts(arguments.seed):
        if number % parts != part - 1:
            continue
        if made >= -(-arguments.kills // parts) or time.monotonic() > until:
            break
        record = attempt(folder, seconds, number, steps[index], arguments.seed)
        made += len(record["kills"])
        wrong += bool(record["wrong"])
        print(json.dumps(record, ensure_ascii=False), flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
