"""The answer key: which entity each row is, which cells were damaged and how, and the city as it really is.

Tables are written chunk by chunk, so that the key of a large city needs no more memory than a chunk.
"""

from __future__ import annotations

import json
from collections.abc import Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from sample_city import names, people, truth_tables
from sample_city.behind import Behind
from sample_city.codes import dates, id_ends_in_x
from sample_city.draw import Bools, Indices, Ints
from sample_city.households import CHILD
from sample_city.insurance import EMPLOYMENT, MEDICAL, PENSION, employment, medical, pension
from sample_city.organisations import STATUSES
from sample_city.people import DOCUMENTS, LOW_INCOME_TYPES, NEVER, RELATION_NAMES
from sample_city.places import take
from sample_city.sources import CORE
from sample_city.sources.base import CHUNK
from sample_city.sources.jiaoyu_xueji import GRADES, pupils
from sample_city.sources.minzheng_dibao import income
from sample_city.truth_tables import slices
from sample_city.world import World, choose, where

MANY = 2_000  # frames that may wait in memory
GENERATOR = "townlake sample_city 1"
ABOLISHED = sorted({code for codes, _ in people.FORMER_COUNTIES.values() for code in codes} | {370802, 372801})


class Table:
    """A Parquet file that grows by data frames of one schema; `behind` writes them while the next ones are made."""

    def __init__(self, path: Path, behind: Behind) -> None:
        self._path, self._behind = path, behind
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pl.DataFrame] = []
        self._held = 0
        self.rows = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Appends rows; an empty frame only fixes the schema. Small frames wait until a row group is full."""
        self._waiting.append(frame)
        self._held += frame.height
        self.rows += frame.height
        if self._held >= CHUNK or len(self._waiting) >= MANY:
            self._flush()

    def _flush(self) -> None:
        frames = self._waiting
        if frames:
            self._behind.do(lambda: self._write(frames))
        self._waiting, self._held = [], 0

    def _write(self, frames: list[pl.DataFrame]) -> None:
        arrow = pl.concat(frames).to_arrow(compat_level=pl.CompatLevel.oldest())
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, arrow.schema, compression="zstd")
        self._writer.write_table(arrow, row_group_size=CHUNK)

    def close(self) -> None:
        """Completes the file."""
        self._flush()
        self._behind.wait()
        if self._writer is not None:
            self._writer.close()


class Answers:
    """All tables of the key below `root`; what is written on `thread` does not hold up what is made meanwhile."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._root = root
        self.thread = ThreadPoolExecutor(max_workers=1)
        self.tables: dict[str, Table] = {}
        self._files: list[tuple[int, str, str, str, str, str]] = []
        self._counts: list[pl.DataFrame] = []
        self._told: list[pl.DataFrame] = []

    def __enter__(self) -> Answers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for table in self.tables.values():
                table.close()
        finally:
            self.thread.shutdown()

    def add(self, name: str, frame: pl.DataFrame) -> None:
        """Appends to a table."""
        if name not in self.tables:
            self.tables[name] = Table(self._root / f"{name}.parquet", Behind(self.thread))
        self.tables[name].add(frame)

    def mentions(self, frame: pl.DataFrame) -> None:
        """Rows of deliveries and the entities they are about."""
        self.add("mention", frame)
        data = pl.col("row_kind") == "data"
        self._counts.append(
            frame.group_by("period", "source", "file", "sheet", maintain_order=True).agg(
                data_rows=data.sum().cast(pl.Int64),
                quarantine_rows=(data & (pl.col("quarantine") == "yes")).sum().cast(pl.Int64),
                optional_quarantine_rows=(data & (pl.col("quarantine") == "maybe")).sum().cast(pl.Int64),
                non_data_rows=(~data).sum().cast(pl.Int64),
            )
        )

        if (frame["event_key"] != "").any():
            told = frame.filter(pl.col("event_key") != "").select("event_key", "source", "file", "row_number")
            texts = [pl.col(c).cast(pl.Categorical) for c in ("source", "file")]
            event = pl.col("event_key").str.slice(1).cast(pl.Int32) - 1
            self._told.append(told.with_columns(*texts, event.alias("event"), pl.col("row_number").cast(pl.Int32)))

    def told(self, events: int) -> Indices:
        """How many rows tell of each of some events."""
        counts = np.zeros(events, dtype=np.int64)
        for frame in self._told:
            np.add.at(counts, frame["event"].to_numpy(), 1)
        return counts

    def clusters(self) -> None:
        """The rows of events that more than one row tells of, with the number of ways on which they came."""
        if not self._told:
            return
        way = pl.col("source").cast(pl.String).replace("rexian/12345接口", "rexian/12345工单")
        frame = pl.concat(self._told).with_columns(way=way)
        grouped = pl.len().over("event") > 1, pl.col("way").n_unique().over("event").cast(pl.Int64).alias("channels")
        frame = frame.with_columns(grouped[1]).filter(grouped[0])
        texts = [pl.col(c).cast(pl.String) for c in ("source", "file")]
        self.add("event_cluster", frame.select("event_key", *texts, pl.col("row_number").cast(pl.Int64), "channels"))

    def roles(self, frame: pl.DataFrame) -> None:
        """Persons of a row who are not its subject."""
        self.add(
            "mention_role",
            frame.select("period", "source", "file", "sheet", "row_number", "data_row", "role", "person_key"),
        )

    def defects(self, frame: pl.DataFrame) -> None:
        """Damaged cells and rows."""
        self.add("defect", frame)

    def file(self, period: int, source: str, file: str, kind: str, *, note: str = "", delivery: str = "full") -> None:
        """One delivered file."""
        self._files.append((period, source, file, kind, note, delivery))

    def finish(self, manifest: dict[str, object]) -> dict[str, object]:
        """Writes what is small, and the manifest; gives the manifest."""
        columns = ["period", "source", "file", "kind", "note", "delivery"]
        self.add(
            "file",
            pl.DataFrame(
                self._files, schema={c: pl.Int64 if c == "period" else pl.String for c in columns}, orient="row"
            ),
        )
        counts = pl.concat(self._counts).group_by("period", "source", "file", "sheet", maintain_order=True).sum()
        self.add("expected_counts", counts)
        manifest = {
            **manifest,
            "generator": GENERATOR,
            "truth_rows": {n: t.rows for n, t in sorted(self.tables.items())},
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=1)
        (self._root / "manifest.json").write_text(text, encoding="utf-8")
        return manifest


def write(world: World, answers: Answers, datasets: Set[str]) -> None:
    """All tables about the city itself; deliveries have added their own before.

    datasets: those that were delivered; what none of them shows is left out
    """
    wide = not datasets <= set(CORE)
    for period in range(1, world.periods + 1):
        for ids in slices(len(world.people.sex)):
            here = ids[world.born(period)[ids]]
            answers.add("person", _persons(world, here, period))
            answers.add("policy", _allowance(world, here, period))
            answers.add("tag", _tags(world, here, period))
        for homes in slices(len(world.people.homes.house)):
            answers.add("household", _households(world, homes, period))
        for at in slices(len(world.organisations)):
            answers.add(
                "organisation",
                truth_tables.organisations(world, at[world.organisations.founded_in[at] <= period], period),
            )
        if wide:
            for at in slices(len(world.institutions)):
                answers.add("organisation", truth_tables.institutions(world, at, period))
        if "yingji.weihua" in datasets:
            answers.add("tag", truth_tables.firm_tags(world, period))
        if period > 1:
            _changes(world, period, answers)
    if world.periods == 1:
        answers.add("change", _change(1, pl.Series([], dtype=pl.String), "", "", ("", "")))
    _situations(world, answers)
    truth_tables.places(world, answers)
    truth_tables.events(world, answers)
    answers.clusters()
    truth_tables.bursts(world, answers)
    if wide:
        truth_tables.industries(world, answers)
        truth_tables.facilities(world, answers)
        truth_tables.line_grids(world, answers)


# ---- persons ----------------------------------------------------------------------------------------------
def _persons(world: World, ids: Indices, period: int) -> pl.DataFrame:
    p = world.people
    home, document = p.household[ids], p.document[ids].astype(np.int64)
    residence, hukou = world.residence(ids, period), world.hukou(ids)
    poor = (p.low_income_from[ids] > 0) & (p.low_income_from[ids] <= period)
    disabled = p.disability_type[ids] > 0
    employer = world.employer(ids, period)
    dead = world.dead(ids, period)
    number = world.numbers(ids)
    work = employment(world, ids, period)
    pupil, grade, school = pupils(world, ids, period)
    at_school = np.searchsorted(ids, pupil)
    insured, pensioner = medical(world, ids, period), pension(world, ids, period)
    relations = pl.Series([RELATION_NAMES.get(k, "") for k in range(100)])
    return pl.DataFrame(
        {
            "period": pl.repeat(period, len(ids), dtype=pl.Int64, eager=True),
            "person_key": world.person_keys(ids),
            "name": world.names(ids, period),
            "old_name": world.former_names(ids, period),
            "sex": pl.Series(p.sex[ids]).cast(pl.String),
            "ethnic": pl.Series(p.ethnic[ids]).cast(pl.String).str.zfill(2),
            "birth": dates(p.birth[ids]),
            "id_no": number,
            "alt_id": world.other_numbers(ids),
            "doc_type": take(pl.Series(DOCUMENTS), document),
            "doc_no": choose(document > 0, world.documents(ids), number),
            "phone": world.phones(ids, period),
            "household_key": _household_keys(home),
            "relation": take(relations, p.relation[ids]),
            "residence_place": world.places.house_keys(residence),
            "residence_grid": world.places.grid_keys(world.places.house_grid[residence]),
            "hukou_place": world.places.house_keys(hukou),
            "hukou_address": world.hukou_addresses(ids),
            "employment": take(pl.Series(EMPLOYMENT), work),
            "employer_org": where(employer >= 0, world.organisations.keys(np.maximum(employer, 0))),
            "school_org": _spread(len(ids), at_school, world.institutions.keys(school)),
            "grade": _spread(len(ids), at_school, take(pl.Series(GRADES), grade - 1)),
            "medical": take(pl.Series(MEDICAL), insured),
            "pension": take(pl.Series(PENSION), pensioner),
            "disability_type": where(disabled, pl.Series(p.disability_type[ids]).cast(pl.String)),
            "disability_level": where(disabled, pl.Series(p.disability_level[ids]).cast(pl.String)),
            "low_income_type": where(poor, take(pl.Series(LOW_INCOME_TYPES), p.low_income[ids])),
            "income_per_head": pl.Series(np.where(poor, income(world, ids), 0.0)),
            "death": where(dead, dates(np.where(p.death[ids] == NEVER, 0, p.death[ids]))),
            "moved_out": pl.Series(world.departed(ids, period)),
            "observed": pl.Series(world.seen(period)[ids]),
        }
    )


def _spread(n: int, at: Indices, text: pl.Series) -> pl.Series:
    """`n` empty texts but for some positions."""
    empty = pl.repeat("", n, dtype=pl.String, eager=True)
    return empty.scatter(pl.Series(at.astype(np.uint32)), text)


def _household_keys(homes: Ints) -> pl.Series:
    from sample_city.codes import padded

    return padded("HH", np.asarray(homes) + 1, 6)


def _households(world: World, homes: Indices, period: int) -> pl.DataFrame:
    """Households with their members; newcomers of later months are members too."""
    p = world.people
    ids = np.arange(int(world.first_of_home[homes[0]]), int(np.append(world.first_of_home, p.count)[homes[-1] + 1]))
    late = np.arange(p.count, len(p.sex))
    late = late[(p.arrived[late] <= period) & (p.household[late] >= homes[0]) & (p.household[late] <= homes[-1])]
    ids = np.r_[ids, late]
    alive = ~world.dead(ids, period) & ~world.departed(ids, period)
    frame = pl.DataFrame({"h": pl.Series(p.household[ids]), "k": world.person_keys(ids), "alive": pl.Series(alive)})
    frame = frame.group_by("h", maintain_order=True).agg(
        head=pl.first("k"), members=pl.col("k").str.join(","), living_members=pl.col("alive").sum().cast(pl.Int64)
    )
    at = frame["h"].to_numpy()
    house = np.where(p.homes.moved_in[at] <= period, p.homes.new_house[at], p.homes.house[at])
    return pl.DataFrame(
        {
            "period": pl.repeat(period, len(at), dtype=pl.Int64, eager=True),
            "household_key": _household_keys(at),
            "place_key": world.places.house_keys(house),
            "head": frame["head"],
            "members": frame["members"],
            "living_members": frame["living_members"],
        }
    )


def _allowance(world: World, ids: Indices, period: int) -> pl.DataFrame:
    """高龄津贴: hukou in the city, alive, 80 or older; what the registers cannot show is not observable."""
    p = world.people
    ids = ids[world.seen(period)[ids]]
    age, dead, gone = world.ages(ids, period), world.dead(ids, period), world.departed(ids, period)
    registered = (p.homes.outside[p.household[ids]] < 0) & p.has_number[ids] & ~gone
    yuan = world.allowance(age)
    state = np.select([dead, age < 80, ~registered], [0, 1, 2], 3)
    answer = take(pl.Series(["not_eligible", "not_eligible", "cannot_tell", "eligible"]), state)
    reason = pl.DataFrame({"s": state, "a": pl.Series(age).cast(pl.String)}).select(
        pl.when(pl.col("s") == 3)
        .then(pl.col("a") + "岁")
        .otherwise(pl.col("s").replace_strict({0: "已死亡", 1: "未满80周岁", 2: "户籍信息缺失", 3: ""}))
    )
    buried = p.death[ids] <= world.day(period) - 2
    refused = world.refused.get(period, np.zeros(len(p.sex), dtype=bool))
    return pl.DataFrame(
        {
            "period": pl.repeat(period, len(ids), dtype=pl.Int64, eager=True),
            "policy": pl.repeat("高龄津贴", len(ids), eager=True),
            "subject_key": world.person_keys(ids),
            "answer": answer,
            "reason": reason.to_series(),
            "amount": pl.Series(np.where(state == 3, yuan, 0), dtype=pl.Int64),
            "observable": pl.Series((~dead | buried) & ~((state == 3) & refused[ids])),
        }
    )


def _tags(world: World, ids: Indices, period: int) -> pl.DataFrame:
    p = world.people
    there = ~world.dead(ids, period) & ~world.departed(ids, period)
    poor = (p.low_income_from[ids] > 0) & (p.low_income_from[ids] <= period) & there
    size = p.homes.size[p.household[ids]]
    paid = np.zeros(len(p.sex), dtype=bool)
    paid[world.paid(period)] = True
    tags: dict[str, Bools] = {
        "low_income": poor & (p.low_income[ids] < 4),
        "low_income_margin": poor & (p.low_income[ids] == 4),
        "disabled": (p.disability_type[ids] > 0) & there & (p.homes.outside[p.household[ids]] < 0) & p.has_number[ids],
        "living_alone_80": (size == 1) & (world.ages(ids, period) >= 80) & there,
        "child_without_id": ~p.has_number[ids] & (p.document[ids] == 0) & there,
        "deceased_still_paid": paid[ids] & world.dead(ids, period),
    }
    frames = [
        pl.DataFrame(
            {
                "period": pl.repeat(period, int(m.sum()), dtype=pl.Int64, eager=True),
                "subject_key": world.person_keys(ids[m]),
                "tag": pl.repeat(t, int(m.sum()), eager=True),
            }
        )
        for t, m in tags.items()
    ]
    return pl.concat(frames)


def _situations(world: World, answers: Answers) -> None:
    """What makes some persons hard to tell apart or to follow."""
    p = world.people
    ids = np.arange(len(p.sex))
    parts = (p.a.astype(np.int64), p.b.astype(np.int64), p.c.astype(np.int64))
    name = pl.Series(names.equal_keys(parts))
    community = world.places.house_community[p.homes.house[p.household]]
    in_village = pl.DataFrame({"n": name, "c": community}).is_duplicated().to_numpy()
    at_home = pl.DataFrame({"n": name, "h": p.household}).is_duplicated().to_numpy()
    same_day = pl.DataFrame({"n": name, "b": p.birth}).is_duplicated().to_numpy()
    low, high = names.POOLS.spans["surname"]
    compound = np.isin(p.a, names.COMPOUND) & (p.a >= low) & (p.a < high)
    number = p.has_number & (p.document == 0)
    renamed = np.zeros(len(ids), dtype=bool)
    for past in range(2, world.periods + 1):
        renamed |= world.renamed_in(ids, past) & (p.arrived < past)
    last = world.periods
    paid = np.zeros(len(ids), dtype=bool)
    paid[world.paid(last)] = True
    old = (
        (world.ages(ids, last) >= 80)
        & ~world.dead(ids, last)
        & (p.homes.outside[p.household] < 0)
        & p.has_number
        & ~world.departed(ids, last)
    )
    flags: dict[str, Bools] = {
        "abolished_area_code": number & np.isin(p.area, ABOLISHED),
        "homonym": in_village,
        "same_name_same_address": at_home,
        "same_name_and_birthday": same_day & ~p.twin,
        "shared_number": p.shared_number,
        "second_id": (p.second_sequence >= 0) & number,
        "twin": p.twin,
        "minority_name": (p.ethnic == 5) & (p.document == 0),
        "compound_surname": compound,
        "rare_character": names.has_rare((p.b, p.c)),
        "foreign_document": p.document > 0,
        "no_id": ~p.has_number & (p.document == 0),
        "hukou_elsewhere": (p.homes.outside[p.household] >= 0) & (p.document == 0),
        "hukou_in_other_house": (p.homes.outside[p.household] < 0)
        & (p.homes.hukou[p.household] != p.homes.house[p.household]),
        "born_before_1950": p.birth < -7305,
        "born_before_1930": p.birth < -14610,
        "centenarian": world.ages(ids, last) >= 100,
        "moved": p.homes.moved_in[p.household] <= last,
        "renamed": renamed,
        "deceased_still_paid": paid & world.dead(ids, last),
        "eligible_not_paid": old & ~paid,
    }
    for piece in slices(len(ids)):
        ends = np.zeros(len(piece), dtype=bool)
        at = np.flatnonzero(number[piece])
        ends[at] = id_ends_in_x(p.area[piece[at]], p.birth[piece[at]], p.sequence[piece[at]])
        for kind, flag in [*((k, f[piece]) for k, f in flags.items()), ("id_ends_x", ends)]:
            here = piece[flag]
            answers.add(
                "situation",
                pl.DataFrame(
                    {
                        "entity_key": world.person_keys(here),
                        "situation": pl.repeat(kind, len(here), dtype=pl.String, eager=True),
                    }
                ),
            )


# ---- changes ----------------------------------------------------------------------------------------------
def _change(
    period: int, keys: pl.Series, kind: str, column: str, values: tuple[pl.Series | str, pl.Series | str]
) -> pl.DataFrame:
    """Changes of one kind, with the values before and after."""
    entity = "organisation" if len(keys) and keys[0].startswith("O") else "person"
    texts = [
        x if isinstance(x, pl.Series) else pl.repeat(x, len(keys), dtype=pl.String, eager=True)
        for x in (entity, keys, kind, column, *values)
    ]
    names_ = ("entity", "entity_key", "kind", "column", "old", "new")
    return pl.DataFrame(
        [
            pl.repeat(period, len(keys), dtype=pl.Int64, eager=True).alias("period"),
            *[t.alias(n) for t, n in zip(texts, names_, strict=True)],
        ]
    )


def _changes(world: World, period: int, answers: Answers) -> None:
    """What happened between the delivery before and this one."""
    p, o = world.people, world.organisations
    ids = np.arange(len(p.sex))
    known = (p.arrived < period) & (p.homes.departed[p.household] >= period)
    died = ids[(p.death > world.day(period - 1)) & (p.death <= world.day(period)) & (p.arrived <= period)]
    new = ids[p.arrived == period]
    born, came = new[p.relation[new] == CHILD], new[p.relation[new] != CHILD]
    moved, left = (
        ids[known & (p.homes.moved_in[p.household] == period)],
        ids[known & (p.homes.departed[p.household] == period)],
    )
    renamed = ids[known & world.renamed_in(ids, period)]
    phoned = ids[known & world.draw.chance(f"person/phone/{period}", ids, people.NEW_PHONES)]
    poor = ids[known & (p.low_income_from == period)]
    person = world.person_keys
    house = world.places.house_keys
    for keys, kind, column, old, after in (
        (person(died), "death", "death", "", dates(p.death[died])),
        (person(born), "birth", "", "", ""),
        (person(came), "arrived", "", "", ""),
        (
            person(moved),
            "move",
            "residence",
            house(world.residence(moved, period - 1)),
            house(world.residence(moved, period)),
        ),
        (person(left), "moved_out", "", "", ""),
        (person(renamed), "name_changed", "name", world.names(renamed, period - 1), world.names(renamed, period)),
        (person(phoned), "phone_changed", "phone", world.phones(phoned, period - 1), world.phones(phoned, period)),
        (person(poor), "low_income_added", "low_type", "", take(pl.Series(LOW_INCOME_TYPES), p.low_income[poor])),
    ):
        answers.add("change", _change(period, keys, kind, column, (old, after)))
    at = np.arange(len(o))
    founded, cancelled = at[o.founded_in == period], at[o.cancelled_in == period]
    legal, called = at[(o.legal_changed_in == period)], at[o.renamed_in == period]
    for keys, kind, column, old, after in (
        (o.keys(founded), "founded", "", "", ""),
        (o.keys(cancelled), "cancelled", "status", STATUSES[0], take(pl.Series(STATUSES), o.status[cancelled])),
        (o.keys(legal), "legal_changed", "legal", person(o.legal[legal]), person(o.next_legal[legal])),
        (o.keys(called), "renamed", "name", o.names(called, period - 1), o.names(called, period)),
    ):
        answers.add("change", _change(period, keys, kind, column, (old, after)))
