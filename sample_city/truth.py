"""The answer key: which entity each row is, which cells were damaged and how, and the city as it really is.

Tables are written chunk by chunk, so that the key of a large city needs no more memory than a chunk.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from sample_city import names, people
from sample_city.codes import dates, id_ends_in_x
from sample_city.draw import Bools, Floats, Indices, Ints
from sample_city.households import CHILD
from sample_city.organisations import INDUSTRY, KINDS, STATUSES
from sample_city.people import DOCUMENTS, LOW_INCOME_TYPES, NEVER, RELATION_NAMES
from sample_city.places import take
from sample_city.sources.base import CHUNK
from sample_city.sources.minzheng_dibao import income
from sample_city.sources.zongzhi_wangge import grid_names, rings
from sample_city.world import World, choose, where

MANY = 2_000  # frames that may wait in memory
GENERATOR = "townlake sample_city 1"
ABOLISHED = sorted({code for codes, _ in people.FORMER_COUNTIES.values() for code in codes} | {370802, 372801})


class Table:
    """A Parquet file that grows by data frames of one schema."""

    def __init__(self, path: Path) -> None:
        self._path = path
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
        if not self._waiting:
            return
        arrow = pl.concat(self._waiting).to_arrow(compat_level=pl.CompatLevel.oldest())
        self._waiting, self._held = [], 0
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, arrow.schema, compression="zstd")
        self._writer.write_table(arrow, row_group_size=CHUNK)

    def close(self) -> None:
        """Completes the file."""
        self._flush()
        if self._writer is not None:
            self._writer.close()


class Answers:
    """All tables of the key below `root`."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._root = root
        self.tables: dict[str, Table] = {}
        self._files: list[tuple[int, str, str, str, str, str]] = []
        self._counts: list[pl.DataFrame] = []

    def __enter__(self) -> Answers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for table in self.tables.values():
            table.close()

    def add(self, name: str, frame: pl.DataFrame) -> None:
        """Appends to a table."""
        if name not in self.tables:
            self.tables[name] = Table(self._root / f"{name}.parquet")
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


def _slices(total: int) -> Iterator[Indices]:
    for low in range(0, total, CHUNK):
        yield np.arange(low, min(low + CHUNK, total))


def write(world: World, answers: Answers) -> None:
    """All tables about the city itself; deliveries have added their own before."""
    for period in range(1, world.periods + 1):
        for ids in _slices(len(world.people.sex)):
            here = ids[world.born(period)[ids]]
            answers.add("person", _persons(world, here, period))
            answers.add("policy", _allowance(world, here, period))
            answers.add("tag", _tags(world, here, period))
        for homes in _slices(len(world.people.homes.house)):
            answers.add("household", _households(world, homes, period))
        for at in _slices(len(world.organisations)):
            answers.add("organisation", _organisations(world, at[world.organisations.founded_in[at] <= period], period))
        if period > 1:
            _changes(world, period, answers)
    if world.periods == 1:
        answers.add("change", _change(1, pl.Series([], dtype=pl.String), "", "", ("", "")))
    _situations(world, answers)
    _places(world, answers)
    _events(world, answers)


# ---- persons ----------------------------------------------------------------------------------------------
def _persons(world: World, ids: Indices, period: int) -> pl.DataFrame:
    p = world.people
    home, document = p.household[ids], p.document[ids].astype(np.int64)
    residence, hukou = world.residence(ids, period), world.hukou(ids)
    poor = (p.low_income_from[ids] > 0) & (p.low_income_from[ids] <= period)
    disabled = p.disability_type[ids] > 0
    employer = world.employer(ids, period)
    age = world.ages(ids, period)
    dead = world.dead(ids, period)
    number = world.numbers(ids)
    other = pl.Series([f"X{k}" for k in range(10)])
    papers = pl.DataFrame(
        {
            "a": take(other, document),
            "n": pl.Series(10**7 + world.draw.below("person/document/number", ids, 9 * 10**7)).cast(pl.String),
        }
    )
    employment = np.select(
        [age < 6, age < 22, age >= 60, employer >= 0], [0, 1, 2, 3], 4 + world.draw.below("person/idle", ids, 3)
    )
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
            "doc_no": pl.DataFrame(
                {"d": pl.Series(document > 0), "n": number, "o": papers.select(pl.col("a") + pl.col("n")).to_series()}
            )
            .select(pl.when("d").then("o").otherwise("n"))
            .to_series(),
            "phone": world.phones(ids, period),
            "household_key": _household_keys(home),
            "relation": take(relations, p.relation[ids]),
            "residence_place": world.places.house_keys(residence),
            "residence_grid": world.places.grid_keys(world.places.house_grid[residence]),
            "hukou_place": world.places.house_keys(hukou),
            "hukou_address": world.hukou_addresses(ids),
            "employment": take(pl.Series(["学龄前", "学生", "退休", "在职", "务农", "失业", "灵活就业"]), employment),
            "employer_org": where(employer >= 0, world.organisations.keys(np.maximum(employer, 0))),
            "school_org": pl.repeat("", len(ids), eager=True),
            "grade": pl.repeat("", len(ids), eager=True),
            "medical": pl.repeat("", len(ids), eager=True),
            "pension": pl.repeat("", len(ids), eager=True),
            "disability_type": where(disabled, pl.Series(p.disability_type[ids]).cast(pl.String)),
            "disability_level": where(disabled, pl.Series(p.disability_level[ids]).cast(pl.String)),
            "low_income_type": where(poor, take(pl.Series(LOW_INCOME_TYPES), p.low_income[ids])),
            "income_per_head": pl.Series(np.where(poor, income(world, ids), 0.0)),
            "death": where(dead, dates(np.where(p.death[ids] == NEVER, 0, p.death[ids]))),
            "moved_out": pl.Series(world.departed(ids, period)),
            "observed": pl.Series(world.seen(period)[ids]),
        }
    )


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
    for piece in _slices(len(ids)):
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


# ---- organisations, places, events ------------------------------------------------------------------------
def _organisations(world: World, at: Indices, period: int) -> pl.DataFrame:
    o = world.organisations
    status = o.status_at(at, period)
    ended = status > 0
    n = len(at)
    building = world.places.house_building[o.house[at]]
    nothing = pl.repeat(None, n, dtype=pl.Float64, eager=True)
    zero = pl.repeat(0, n, dtype=pl.Int64, eager=True)
    return pl.DataFrame(
        {
            "period": pl.repeat(period, n, dtype=pl.Int64, eager=True),
            "org_key": o.keys(at),
            "name": o.names(at, period),
            "uscc": o.codes(at),
            "kind": take(pl.Series(KINDS), o.kind[at]),
            "industry_class": take(INDUSTRY["code"], o.industry[at]),
            "industry_section": take(INDUSTRY["section"], o.industry[at]),
            "scope": take(INDUSTRY["scope"], o.industry[at]),
            "legal_person": world.person_keys(o.legal_at(at, period)),
            "capital_wan": pl.Series(o.capital[at]).cast(pl.Float64),
            "founded": dates(o.founded[at]),
            "status": take(pl.Series(STATUSES), status),
            "cancelled": where(ended, dates(np.where(ended, o.cancelled[at], 0))),
            "address": o.addresses(at),
            "building_key": world.places.building_keys(building),
            "phone": world.phones(o.legal_at(at, period).astype(np.int64), period),
            "hazardous": take(
                pl.Series(["", "危险化学品"]), INDUSTRY["hazardous"].to_numpy()[o.industry[at]].astype(np.int64)
            ),
            "hitech": pl.repeat(False, n, eager=True),
            "staff_begin": zero,
            "staff_end": zero,
            "layoffs": zero,
            "arrears": pl.repeat(False, n, eager=True),
            "revenue_2025": nothing,
            "profit_2025": nothing,
            "tax_2025": nothing,
            "assets_2025": nothing,
        }
    )


def _places(world: World, answers: Answers) -> None:
    w = world.places
    for at in _slices(len(w.estate_community)):
        first = np.searchsorted(w.building_estate, at)
        answers.add(
            "place",
            _place(
                world,
                w.estate_keys(at),
                level="estate",
                parent=w.area("community_code", w.estate_community[at]),
                text=w.estate_addresses(at),
                community=w.estate_community[at],
                grid=pl.repeat("", len(at), dtype=pl.String, eager=True),
                points=w.coordinates("building", first, w.building_grid[first]),
            ),
        )
    for at in _slices(len(w.building_number)):
        answers.add(
            "place",
            _place(
                world,
                w.building_keys(at),
                level="building",
                parent=w.estate_keys(w.building_estate[at]),
                text=w.building_addresses(at),
                community=w.building_community[at],
                grid=w.grid_keys(w.building_grid[at]),
                points=w.coordinates("building", at, w.building_grid[at]),
            ),
        )
    for at in _slices(len(w.house_number)):
        building, grid = w.house_building[at], w.grid_keys(w.house_grid[at])
        answers.add(
            "place",
            _place(
                world,
                w.house_keys(at),
                level="house",
                parent=choose(
                    building >= 0, w.building_keys(building), w.area("community_code", w.house_community[at])
                ),
                text=w.addresses(at),
                community=w.house_community[at],
                grid=grid,
                points=w.house_points(at),
            ),
        )
        codes = {"place_key": w.house_keys(at), "grid_key": grid, "grid_code": w.grid_codes(w.house_grid[at])}
        answers.add("house_grid", pl.DataFrame(codes))
    for at in _slices(len(w.grid_serial)):
        answers.add("grid", _grids(world, at))


def _place(
    world: World,
    keys: pl.Series,
    *,
    level: str,
    parent: pl.Series,
    text: pl.Series,
    community: Ints,
    grid: pl.Series,
    points: tuple[Floats, Floats],
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "place_key": keys,
            "level": pl.repeat(level, len(keys), dtype=pl.String, eager=True),
            "parent": parent,
            "standard_address": text,
            "community": world.places.area("community_code", community),
            "town": world.places.area("town_code", community),
            "grid_key": grid,
            "lon": pl.Series(points[0]),
            "lat": pl.Series(points[1]),
        }
    )


def _grids(world: World, at: Indices) -> pl.DataFrame:
    corners = rings(world, at)
    texts = [pl.DataFrame({"x": x, "y": y}).select(pl.col("x") + " " + pl.col("y")).to_series() for x, y in corners]
    wkt = (
        pl.DataFrame([t.alias(str(i)) for i, t in enumerate(texts)])
        .select("POLYGON ((" + pl.concat_str(pl.all(), separator=", ") + "))")
        .to_series()
    )
    x, y = (np.stack([c[k].cast(pl.Float64).to_numpy() for c in corners]) for k in (0, 1))
    metres_x, metres_y = 111_320.0 * np.cos(np.radians(y.mean(axis=0))), 110_950.0
    area = 0.5 * np.abs((x[:-1] * y[1:] - x[1:] * y[:-1]).sum(axis=0)) * metres_x * metres_y
    w = world.places
    return pl.DataFrame(
        {
            "line": pl.repeat("zongzhi", len(at), eager=True),
            "grid_code": w.grid_codes(at),
            "name": grid_names(world, at),
            "area_m2": pl.Series(np.round(area, 1)),
            "wkt": wkt,
            "grid_key": w.grid_keys(at),
            "community": w.area("community_code", w.grid_community[at]),
        }
    )


def _events(world: World, answers: Answers) -> None:
    from sample_city.events import AT_HOUSE, DAY, KIND, NOWHERE, WHERE

    e, w = world.events, world.places
    days = np.asarray(world.clock.days)
    for at in _slices(len(e.kind)):
        house = e.house[at]
        level = WHERE[e.kind[at]]
        building = w.house_building[house]
        lon, lat = w.house_points(house)
        placed = level != NOWHERE
        period = np.searchsorted(days, e.time[at] // DAY, "left") + 1
        burst = e.burst[at].astype(np.int64)
        name = pl.DataFrame(
            {
                "k": take(pl.Series(["W", "G"]), np.maximum(burst, 0) % 2),
                "n": pl.Series(np.maximum(burst, 0) // 2 + 1).cast(pl.String),
            }
        )
        answers.add(
            "event",
            pl.DataFrame(
                {
                    "event_key": e.keys(at),
                    "category": take(KIND["kind"], e.kind[at]),
                    "time": pl.from_epoch(pl.Series(e.time[at]), time_unit="s").dt.strftime("%Y-%m-%dT%H:%M:%S"),
                    "community": w.area("community_code", w.house_community[house]),
                    "grid_key": w.grid_keys(w.house_grid[house]),
                    "house_place": w.house_keys(np.where(placed & ((level == AT_HOUSE) | (building < 0)), house, -1)),
                    "building_place": w.building_keys(np.where(placed, building, -1)),
                    "org_key": pl.repeat("", len(at), eager=True),
                    "lon": pl.Series(lon),
                    "lat": pl.Series(lat),
                    "status": take(pl.Series(["办理中", "已办结"]), world.draw.pick("event/status", at, [1, 6])),
                    "period": pl.Series(period, dtype=pl.Int64),
                    "burst": where(burst >= 0, name.select(pl.col("k") + pl.col("n")).to_series()),
                    "mentions": pl.Series(e.calls[at], dtype=pl.Int64),
                }
            ),
        )
