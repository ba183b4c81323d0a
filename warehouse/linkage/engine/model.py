"""The weights: how often each level of a comparison is met in true pairs (m) and in pairs of strangers (u), from the data alone."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from warehouse.errors import WrongUse

if TYPE_CHECKING:
    import duckdb

    from warehouse.linkage.engine.compare import Comparison
    from warehouse.linkage.engine.prepare import Column

_PIECE = 400_000  # pairs compared at a time
_SAMPLE = 600  # rows of each list, every one against every other: chance agreements
_ROUNDS = 100
_CONVERGED = 1e-4
_ASSUMED = 10  # pairs as first assumed, added to what is counted
_CHANCE = 0.5  # of a random pair, added to each level
_FEW = 2.0  # pairs of levels: met less often says nothing
_MET, _LIFT = 20, 4.0  # random pairs that must agree twice, and how much oftener than by chance


class LevelWeight(BaseModel):
    """One level as saved."""

    model_config = ConfigDict(extra="forbid")
    label: str
    m: float
    u: float

    @property
    def weight(self) -> float:
        return math.log2(self.m / self.u)


class Together(BaseModel):
    """Two comparisons that say partly the same (place and postcode): what is taken off, by level of each, bits."""

    model_config = ConfigDict(extra="forbid")
    first: str
    second: str
    weight: list[list[float]]


class Model(BaseModel):
    """Saved weights: for each comparison its levels, and how probable it is that two random rows are one thing."""

    model_config = ConfigDict(extra="forbid")
    prior: float
    comparisons: dict[str, list[LevelWeight]]
    together: list[Together] = []

    def weigh(self, names: list[str], gammas: np.ndarray, prior: float) -> np.ndarray:
        """Weight of each row of levels (patterns × comparisons, 0 where nothing was compared): log2 of the odds."""
        weight = np.full(len(gammas), math.log2(prior / (1 - prior)))
        for i, name in enumerate(names):
            weight += np.array([0.0, *(level.weight for level in self.comparisons[name])])[gammas[:, i]]
        for pair in self.together:
            a, b = names.index(pair.first), names.index(pair.second)
            weight += np.pad(np.array(pair.weight), ((1, 0), (1, 0)))[gammas[:, a], gammas[:, b]]
        return weight


@dataclass
class Packing:
    """Levels of all comparisons in one number: comparison i stands in `bits[i]` bits from `shift[i]` on."""

    shift: list[int]
    bits: list[int]

    @classmethod
    def of(cls, comparisons: list[Comparison]) -> Packing:
        bits = [len(c.levels).bit_length() for c in comparisons]
        if sum(bits) > 62:
            raise WrongUse(f"{len(comparisons)} columns are too many to compare at once: mark some as ignore")
        return cls([sum(bits[:i]) for i in range(len(bits))], bits)

    def unpack(self, patterns: np.ndarray) -> np.ndarray:
        """patterns × comparisons."""
        return np.stack([(patterns >> s) & ((1 << b) - 1) for s, b in zip(self.shift, self.bits, strict=True)], axis=1)


def compare_pairs(con: duckdb.DuckDBPyConnection, comparisons: list[Comparison], pairs: str, into: str) -> None:
    """Creates `into(l, r, pattern, rarity)` of the pairs: rarity is the weight that rare shared values add."""
    shifts = Packing.of(comparisons).shift
    frequent = sorted({n for c in comparisons for level in c.levels for n in level.frequent})
    joins = " ".join(f"left join frequency{n} as q{n} on q{n}.value = l.v{n}" for n in frequent)
    gammas = ", ".join(f"({c.gamma()})::bigint as g{i}" for i, c in enumerate(comparisons))
    rare = "".join(f", coalesce(q{n}.rarity, 0) as rarity{n}" for n in frequent)
    packed = " + ".join(f"(g{i} << {shift})" for i, shift in enumerate(shifts)) or "0::bigint"
    helpers = ", ".join(f"{sql} as {name}" for c in comparisons for name, sql in c.helpers.items())
    helped = f", lateral (select {helpers}) as h" if helpers else ""
    terms = []
    for i, c in enumerate(comparisons):
        used = [(n, level.frequent) for n, level in enumerate(c.levels, 1) if level.frequent]
        cases = " ".join(f"when {n} then {' + '.join(f'rarity{x}' for x in values)}" for n, values in used)
        if used:
            terms.append(f"case g{i} {cases} else 0 end")
    # Piece by piece: the rows of one piece of pairs are all that must be held beside the table itself.
    con.execute(f"create or replace temp table {into} (l integer, r integer, pattern bigint, rarity float)")
    row = con.execute(f"select count(*) from {pairs}").fetchone()
    for start in range(0, int(row[0]) if row else 0, _PIECE):
        con.execute(
            f"""insert into {into}
            with piece as (select l, r from {pairs} where rowid between {start} and {start + _PIECE - 1}),
            met as (
                select pairs.l, pairs.r, {gammas}{rare}
                from piece as pairs join record as l on l.rid = pairs.l join record as r on r.rid = pairs.r {joins}{helped})
            select l, r, {packed} as pattern, ({" + ".join(terms) or "0"})::float as rarity from met"""
        )


def count_values(con: duckdb.DuckDBPyConnection, comparisons: list[Comparison], columns: list[Column]) -> None:
    """Creates `frequency{i}(value, rarity)`: how many bits more (or fewer) than usual a shared value is worth."""
    by_number = {c.number: c for c in columns}
    for n in sorted({n for c in comparisons for level in c.levels for n in level.frequent}):
        column = by_number[n]
        # Values met once or twice are met because of a true pair: what they say is said by the level itself.
        con.execute(
            f"""create or replace temp table frequency{n} as
                select v{n} as value,
                       greatest(-8, least(4, log2({column.chance * column.filled!r}::double / greatest(count(*), 5)))) as rarity
                from record where v{n} is not null group by v{n} having count(*) > 1"""
        )


def estimate(con: duckdb.DuckDBPyConnection, comparisons: list[Comparison], sizes: list[int]) -> tuple[Model, int]:
    """Weights by expectation maximisation over the compared pairs (`compared`), with chance agreements from random pairs.

    Which pairs were compared was decided by the same columns, so strangers among them agree more than strangers do. The
    chance of agreement is therefore counted in random pairs (without those that look true), and every pair is weighed
    against the chance that two random rows of the lists are one thing. Returns the model and the rounds it took.
    """
    two = len(sizes) == 2
    total = sizes[0] * sizes[1] if two else sizes[0] * (sizes[0] - 1) / 2
    _draw(con, comparisons, two=two)
    packing = Packing.of(comparisons)
    names = [c.name for c in comparisons]
    seen, seen_n = _patterns(con, "compared")
    drawn, drawn_n = _patterns(con, "random_compared")
    con.execute("drop table random_compared")
    g_seen, g_drawn = packing.unpack(seen), packing.unpack(drawn)
    likely = [np.array([level.likely for level in c.levels]) for c in comparisons]
    likely = [x / x.sum() for x in likely]
    model = _model(
        comparisons, likely,
        [_shares(g_drawn[:, i], drawn_n, np.full(len(x), _CHANCE)) for i, x in enumerate(likely)],
        min(0.5, min(sizes) / total / 2) if total else 0.5,
    )  # fmt: skip
    rounds, linked = 0, False
    pairs: list[tuple[int, int]] = []
    while rounds < _ROUNDS:
        rounds += 1
        seen_true = seen_n * _probability(model.weigh(names, g_seen, model.prior))
        drawn_false = drawn_n * (1 - _probability(model.weigh(names, g_drawn, model.prior)))
        # As if ten pairs had been seen to fall as first assumed: a level never met stays possible.
        after = _model(
            comparisons,
            [_shares(g_seen[:, i], seen_true, _ASSUMED * x) for i, x in enumerate(likely)],
            [_shares(g_drawn[:, i], drawn_false, np.full(len(x), _CHANCE)) for i, x in enumerate(likely)],
            float(min(max(seen_true.sum(), 0.5) / max(total, 1), 0.5)),
        )
        if linked:
            after.together = _together(after, names, pairs, (g_seen, seen_true), (g_drawn, drawn_false))
        change = max(abs(x.m - y.m) for name in names for x, y in zip(model.comparisons[name], after.comparisons[name], strict=True))  # fmt: skip
        model = after
        if change < _CONVERGED:
            if linked:
                break
            pairs, linked = _repeating(names, g_drawn, drawn_false), True
            if not pairs:
                break
    return model, rounds


def _draw(con: duckdb.DuckDBPyConnection, comparisons: list[Comparison], *, two: bool) -> None:
    """Creates `random_compared`: some rows of each list, chosen by the hash of their ids, each against each."""
    con.execute(
        f"""create or replace temp table chosen as
            select rid, side from source_id
            qualify row_number() over (partition by side order by hash(cast(id as varchar)), rid) <= {_SAMPLE}"""
    )
    con.execute(
        f"""create or replace temp table random_pair as select a.rid as l, b.rid as r from chosen as a join chosen as b
            on {"a.side = 0 and b.side = 1" if two else "a.rid < b.rid"}"""
    )
    compare_pairs(con, comparisons, "random_pair", "random_compared")
    con.execute("drop table chosen")
    con.execute("drop table random_pair")


def _model(comparisons: list[Comparison], m: list[np.ndarray], u: list[np.ndarray], prior: float) -> Model:
    return Model(
        prior=prior,
        comparisons={
            c.name: [LevelWeight(label=x.label, m=float(a), u=float(b)) for x, a, b in zip(c.levels, m[i], u[i], strict=True)]
            for i, c in enumerate(comparisons)
        },
    )  # fmt: skip


def _repeating(names: list[str], gammas: np.ndarray, strangers: np.ndarray) -> list[tuple[int, int]]:
    """Comparisons that agree together among strangers far more often than by chance, the strongest first, no rings."""
    found = []
    for a in range(len(names)):
        for b in range(a + 1, len(names)):
            both = (gammas[:, a] > 0) & (gammas[:, b] > 0)
            same_a, same_b = both & (gammas[:, a] == 1), both & (gammas[:, b] == 1)
            n = strangers[both].sum()
            met = strangers[same_a & same_b].sum()
            awaited = strangers[same_a].sum() * strangers[same_b].sum() / n if n else 0.0
            if met >= _MET and met > _LIFT * awaited:
                found.append((met * math.log(met / max(awaited, 1e-9)), a, b))
    group = list(range(len(names)))
    kept = []
    for _, a, b in sorted(found, reverse=True):
        if group[a] != group[b]:
            kept.append((a, b))
            group = [group[a] if g == group[b] else g for g in group]
    return kept


def _together(
    model: Model, names: list[str], pairs: list[tuple[int, int]], *samples: tuple[np.ndarray, np.ndarray]
) -> list[Together]:
    """For each pair of comparisons the weight of their levels together less the weights of each alone.

    samples: levels and weights of pairs, of true ones and of strangers.
    """
    found = []
    for a, b in pairs:
        parts = []
        for gammas, weight in samples:
            shape = len(model.comparisons[names[a]]), len(model.comparisons[names[b]])
            met = np.zeros((shape[0] + 1, shape[1] + 1))
            np.add.at(met, (gammas[:, a], gammas[:, b]), weight)
            met = met[1:, 1:]
            apart = np.outer(met.sum(axis=1), met.sum(axis=0)) / max(met.sum(), 1e-9)
            parts.append((met + _FEW) / (apart + _FEW))  # what was hardly met changes nothing
        lift = np.log2(parts[0]) - np.log2(parts[1])
        found.append(Together(first=names[a], second=names[b], weight=np.round(lift, 4).tolist()))
    return found


def _patterns(con: duckdb.DuckDBPyConnection, table: str) -> tuple[np.ndarray, np.ndarray]:
    found = con.execute(f"select pattern, count(*) as n from {table} group by pattern order by pattern").fetchnumpy()
    return np.asarray(found["pattern"], dtype=np.int64), np.asarray(found["n"], dtype=float)


def _shares(gamma: np.ndarray, weight: np.ndarray, assumed: np.ndarray) -> np.ndarray:
    counts = np.bincount(gamma, weights=weight, minlength=len(assumed) + 1)[1:] + assumed
    shares: np.ndarray = counts / counts.sum()
    return shares


def _probability(weight: np.ndarray) -> np.ndarray:
    probability: np.ndarray = 1 / (1 + np.exp2(-np.clip(weight, -60, 60)))
    return probability


def score(
    con: duckdb.DuckDBPyConnection, model: Model, comparisons: list[Comparison], compared: str, into: str, *,
    least: float, prior: float | None = None,
) -> None:  # fmt: skip
    """Creates `into(l, r, weight)` of the compared pairs whose weight (log2 of the odds) is at least `least`."""
    patterns, _ = _patterns(con, compared)
    gammas = Packing.of(comparisons).unpack(patterns)
    weight = model.weigh([c.name for c in comparisons], gammas, model.prior if prior is None else prior)
    con.register("__weights", {"pattern": patterns, "weight": weight})
    con.execute(
        f"""create or replace temp table {into} as
            select l, r, weight + rarity as weight from {compared} join __weights using (pattern)
            where weight + rarity >= {least}"""
    )
    con.unregister("__weights")


def prior_among(
    con: duckdb.DuckDBPyConnection, model: Model, comparisons: list[Comparison], compared: str, *, most: float
) -> float:
    """How probable it is that two rows of these pairs are one thing, the weights being as they are; at most `most`."""
    patterns, n = _patterns(con, compared)
    gammas = Packing.of(comparisons).unpack(patterns)
    names = [c.name for c in comparisons]
    prior = min(most, 0.5)
    for _ in range(_ROUNDS):
        after = min(float((n * _probability(model.weigh(names, gammas, prior))).sum() / n.sum()), most, 0.5)
        if after < 1e-12:
            return 0.0
        if abs(after - prior) < 1e-4 * prior:
            break
        prior = after
    return prior


def save(model: Model, path: Path) -> None:
    path.write_text(json.dumps(model.model_dump(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def load(path: Path, comparisons: list[Comparison]) -> Model:
    """Reads saved weights. Raises WrongUse where they do not belong to these comparisons."""
    try:
        model = Model.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"the model {path} cannot be read: {error}") from error
    except ValidationError as error:
        raise WrongUse(f"{path} is not a model written by townlake link --model") from error
    wanted = {c.name: [level.label for level in c.levels] for c in comparisons}
    found = {name: [level.label for level in levels] for name, levels in model.comparisons.items()}
    if wanted != found:
        raise WrongUse(f"the model {path} was made for other columns or other kinds: run once without it")
    return model


def report(model: Model) -> list[dict[str, Any]]:
    """Each comparison's levels with their weights, for people."""
    return [
        {"comparison": name, "levels": [{"level": x.label, "m": round(x.m, 6), "u": float(f"{x.u:.3g}"), "weight": round(x.weight, 2)} for x in levels]}
        for name, levels in model.comparisons.items()
    ]  # fmt: skip
