"""Bringing the columns of one list, or of two, into a form that can be compared, and looking at what they hold.

The table `record` has one row per input row: `rid` (0 …, in the order of side and unique id, so that the order of the
input never matters), `side` (0 left, 1 right) and for column number i, by its kind:

    v{i}  the value in its one spelling        r{i}  reading of a name (pinyin, or the name itself)
    b{i}  a name with one ASCII byte per sign  k{i}  its words, sorted
    n{i}  the numbers of an address            w{i}  its words without them
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from warehouse.errors import WrongUse
from warehouse.lake import literal, quote
from warehouse.linkage.engine.names import HAN, name_readings, plain_sql
from warehouse.standard import expression, macros

if TYPE_CHECKING:
    import duckdb

    from warehouse.linkage.engine.spec import Kind, Spec

# Signs of a name that get a byte of their own: longer names are compared by their reading.
_SIGNS = 8
_EIGHT, _ISO = "[0-9]{8}", "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_EMPTY = ("", "null", "none", "nan", "n/a", "na", "无", "不详", "未知", "-", "--", "/", "\\", "?", "？", "空", "暂无")


@dataclass
class Column:
    """One column as understood: its number, what it is, and what it holds (over both lists)."""

    number: int
    name: str
    kind: Kind
    rows: int = 0
    filled: int = 0
    distinct: int = 0
    chance: float = 1.0  # of two random filled rows to agree exactly
    han: bool = False
    words: bool = False  # several words in most values
    length: float = 0.0
    parts: list[int] = field(default_factory=list)  # columns whose values stand inside this one's

    @property
    def bits(self) -> float:
        """What exact agreement is worth against chance, as a power of two."""
        return -math.log2(max(self.chance, 1e-12))

    @property
    def missing(self) -> float:
        """Share of empty cells."""
        return 1 - self.filled / self.rows if self.rows else 1.0

    def describe(self) -> dict[str, object]:
        """For the summary."""
        found: dict[str, object] = {
            "column": self.name, "kind": self.kind, "filled": self.filled, "distinct": self.distinct,
            "chance_agreement": float(f"{self.chance:.3g}"),
        }  # fmt: skip
        if self.kind == "name":
            found["script"] = "chinese" if self.han else "other"
        return found


def prepare(con: duckdb.DuckDBPyConnection, spec: Spec, sources: list[str]) -> list[Column]:
    """Creates `record` and `source_id(rid, side, id)` from one or two relations (SQL); returns the columns.

    Raises WrongUse where a column is missing, or an id is empty or not unique.
    """
    columns = [Column(i, name, kind) for i, (name, kind) in enumerate(spec.used.items())]
    types = [_check(con, spec, source, side) for side, source in enumerate(sources)]
    one_type = types[0] if len(set(types)) == 1 else "varchar"
    cells = ", ".join(f"x{c.number}" for c in columns)
    sides = " union all ".join(
        f"select {side} as side, cast({quote(spec.id_in(side))} as {one_type}) as id, "
        + ", ".join(f"{_raw(quote(spec.name_in(side, c.name)))} as x{c.number}" for c in columns)
        + f" from {source} as source{side}"
        for side, source in enumerate(sources)
    )
    con.execute(
        f"""create or replace temp table raw_record as
            select row_number() over () - 1 as rid, side, id, {cells} from (from ({sides}) as listed order by side, id)"""
    )
    _check_ids(con, spec)
    con.execute("create or replace temp table source_id as select rid::integer as rid, side, id from raw_record")
    for column in columns:
        _look(con, column)
    _build(con, columns)
    con.execute("drop table raw_record")
    for column in columns:
        _profile(con, column)
    _find_parts(con, columns)
    return columns


def _check(con: duckdb.DuckDBPyConnection, spec: Spec, source: str, side: int) -> str:
    """Every column the specification names is there; returns the type of the id."""
    described = {str(row[0]): str(row[1]) for row in con.execute(f"describe select * from {source}").fetchall()}
    wanted = [spec.id_in(side), *(spec.name_in(side, name) for name in spec.used)]
    if absent := [name for name in wanted if name not in described]:
        which = ("LEFT", "RIGHT")[side]
        raise WrongUse(f"{which} has no column {', '.join(absent)}; it has {', '.join(described)}")
    return described[spec.id_in(side)].lower()


def _check_ids(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Empty or repeated ids would make links that nobody can follow back."""
    found = con.execute(
        """select side, count(*) filter (id is null), count(id) - count(distinct id), (
               select first(cast(id as varchar) order by id) from (
                   select id from raw_record as other where other.side = raw_record.side and id is not null
                   group by id having count(*) > 1) as repeated)
           from raw_record group by side order by side"""
    ).fetchall()
    for side, empty, repeated, example in found:
        which = ("LEFT", "RIGHT")[side]
        if empty:
            raise WrongUse(f"{which}: {empty} row(s) have no {spec.id_in(side)}, the unique id")
        if repeated:
            raise WrongUse(
                f"{which}: {spec.id_in(side)} is not unique: {repeated} row(s) repeat an id, the first is {example!r}; "
                "links could not be followed back"
            )


def _raw(column: str) -> str:
    """A cell as text, null where nothing is said."""
    text = f"trim(cast({column} as varchar))"
    return f"case when strlen({text}) <= {max(len(e.encode()) for e in _EMPTY)} and lower({text}) in ({', '.join(map(literal, _EMPTY))}) then null else {text} end"


def _look(con: duckdb.DuckDBPyConnection, column: Column) -> None:
    """Chinese or not, one word or several: decides how a name or a text is compared."""
    x = f"x{column.number}"
    row = con.execute(
        f"""select coalesce(avg(regexp_matches({x}, '[{HAN}]')::int), 0), coalesce(avg(contains({x}, ' ')::int), 0),
                   coalesce(avg(length({x})), 0)
            from (select {x} from raw_record where {x} is not null order by hash({x}) limit 20000)"""
    ).fetchone()
    assert row is not None
    column.han, column.words, column.length = row[0] > 0.2, row[0] <= 0.2 and row[1] > 0.3, row[2]


def _build(con: duckdb.DuckDBPyConnection, columns: list[Column]) -> None:
    select, joins, helpers = ["rid::integer as rid", "side"], [], ["odd_day", "name_reading"]
    for column in columns:
        if column.kind == "date":
            joins.append(_read_dates(con, column))
            helpers.append(f"day{column.number}")
        made = _FORMS[column.kind](column)
        if column.kind == "name" and column.han:
            names = f"named{column.number}"
            name_readings(con, "raw_record", f"x{column.number}", f"spoken{column.number}")
            signs = ", ".join(
                f"case when length(skeleton) >= {i} then chr(33 + unicode(substr(skeleton, {i}, 1)) % 90) end"
                for i in range(1, _SIGNS + 1)
            )
            con.execute(
                f"""create or replace temp table {names} as
                    select name, skeleton, replace(reading, ' ', '') as reading, concat({signs}) as bytes,
                           substr(skeleton, 1, 1) as family
                    from spoken{column.number}"""
            )
            con.execute(f"drop table spoken{column.number}")
            helpers.append(names)
            joins.append(f"left join {names} on {names}.name = x{column.number}")
        select += [f"{sql} as {name}" for name, sql in made.items()]
    con.execute(f"create or replace temp table record as select {', '.join(select)} from raw_record {' '.join(joins)}")
    for name in helpers:
        con.execute(f"drop table if exists {name}")


def _name(column: Column) -> dict[str, str]:
    i, x = column.number, f"x{column.number}"
    if column.han:
        names = f"named{i}"
        return {f"v{i}": f"{names}.skeleton", f"r{i}": f"{names}.reading", f"b{i}": f"{names}.bytes", f"f{i}": f"{names}.family"}  # fmt: skip
    tidy = f"nullif(trim(regexp_replace(strip_accents(lower({x})), '[^\\p{{L}}\\p{{N}}]+', ' ', 'g')), '')"
    made = {f"v{i}": tidy}
    if column.words:
        made[f"k{i}"] = f"list_sort(list_distinct(string_split({tidy}, ' ')))"
    return made


def _date(column: Column) -> dict[str, str]:
    """Eight digits where a day can be read, else the digits as they stand: an impossible day still identifies."""
    i, x = column.number, f"x{column.number}"
    plain = f"case when regexp_full_match({x}, '{_EIGHT}') then {x} when regexp_full_match({x}, '{_ISO}') then replace({x}, '-', '')"
    return {f"v{i}": f"{plain} else day{i}.day end"}


def _read_dates(con: duckdb.DuckDBPyConnection, column: Column) -> str:
    """Distinct dates in other than the two usual spellings, read by the standard's rules. Returns the join."""
    i, x = column.number, f"x{column.number}"
    odd = f"{x} is not null and not regexp_full_match({x}, '{_EIGHT}|{_ISO}')"
    con.execute(
        f"""create or replace temp table odd_day as
            select raw, {expression("date", "clean")} as clean from (select distinct {x} as raw from raw_record where {odd})"""
    )
    pattern = "'^([0-9]{1,2})-([0-9]{1,2})-[0-9]{4}'"
    first, second = (f"try_cast(regexp_extract(clean, {pattern}, {i}) as int) > 12" for i in (1, 2))
    row = con.execute(f"select count(*), count(*) filter ({first}), count(*) filter ({second}) from odd_day").fetchone()
    assert row is not None
    # 31/12/1969 tells which of two numbers is the day in 02/06/1969, unless another date says the opposite.
    order = {"date_order": "dmy" if row[1] else "mdy"} if bool(row[1]) != bool(row[2]) else {}
    value = expression("date", "value", raw="raw", clean="clean", opts=order)
    # The rules are long: planning them takes longer than a small list, so they are not planned for nothing.
    day = f"strftime({value}, '%Y%m%d')" if row[0] else "null"
    con.execute(
        f"""create or replace temp table day{i} as
            select raw, coalesce({day}, nullif(regexp_replace(raw, '[^0-9]+', '', 'g'), '')) as day from odd_day"""
    )
    return f"left join day{i} on day{i}.raw = {x}"


def _digits(column: Column) -> dict[str, str]:
    i, x = column.number, f"x{column.number}"
    digits = f"regexp_replace({_narrow(x)}, '[^0-9]+', '', 'g')"
    tidy = f"nullif(regexp_replace({digits}, '^(?:0{{0,2}}86)(1[0-9]{{10}})$', '\\1'), '')"
    return {f"v{i}": f"case when regexp_full_match({x}, '1[0-9]{{10}}') then {x} else {tidy} end"}


def _code(column: Column) -> dict[str, str]:
    i, x = column.number, f"x{column.number}"
    return {f"v{i}": plain_sql(x)}


def _text(column: Column) -> dict[str, str]:
    i, x = column.number, f"x{column.number}"
    return {
        f"v{i}": f"nullif(trim(regexp_replace(strip_accents(lower({_narrow(x)})), '[^\\p{{L}}\\p{{N}}]+', ' ', 'g')), '')"
    }


def _number(column: Column) -> dict[str, str]:
    i, x = column.number, f"x{column.number}"
    return {f"v{i}": f"coalesce(cast(try_cast({x} as decimal(30, 6)) as double)::varchar, lower({x}))"}


def _address(column: Column) -> dict[str, str]:
    i, x = column.number, f"x{column.number}"
    plain = f"case when regexp_full_match({x}, '[一-龥0-9]+') then {x} else lower({_narrow(x)}) end"
    tidy = f"nullif(regexp_replace({plain}, '[^\\p{{L}}\\p{{N}}]+', ' ', 'g'), '')"
    return {
        f"v{i}": f"case when regexp_full_match({x}, '[一-龥0-9]+') then {x} else {tidy} end",
        f"n{i}": f"nullif(array_to_string(regexp_extract_all({plain}, '[0-9]+'), '-'), '')",
        f"w{i}": f"nullif(regexp_replace({plain}, '[^\\p{{L}}]+|[号楼栋幢单元室户层座院#]+', '', 'g'), '')",
    }


def _narrow(x: str) -> str:
    wide, narrow = macros()["std_text_width_from"](), macros()["std_text_width_to"]()
    return f"case when regexp_matches({x}, '[\\x{{ff00}}-\\x{{ff5f}}]') then translate({x}, {literal(wide)}, {literal(narrow)}) else {x} end"


_FORMS = {
    "name": _name, "date": _date, "phone": _digits, "identifier": _code, "code": _code, "text": _text, "number": _number,
    "address": _address,
}  # fmt: skip


def _profile(con: duckdb.DuckDBPyConnection, column: Column) -> None:
    v = f"v{column.number}"
    row = con.execute(
        f"""select (select count(*) from record), coalesce(sum(n), 0), count(*), coalesce(sum(n * n::double), 0)
            from (select count(*) as n from record where {v} is not null group by {v})"""
    ).fetchone()
    assert row is not None
    column.rows, column.filled, column.distinct = int(row[0]), int(row[1]), int(row[2])
    # Sum of squared shares, without the pairs of a row with itself.
    if column.filled > 1:
        column.chance = max((row[3] - column.filled) / (column.filled * (column.filled - 1)), 1 / column.filled**2)


def _find_parts(con: duckdb.DuckDBPyConnection, columns: list[Column]) -> None:
    """A name that stands inside another column's name (first name in full name) says nothing twice."""
    names = [c for c in columns if c.kind == "name" and not c.han]
    for whole in names:
        for part in names:
            if part is whole or part.length * 1.1 >= whole.length:
                continue
            row = con.execute(
                f"""select avg(contains(' ' || v{whole.number} || ' ', ' ' || v{part.number} || ' ')::int)
                    from (select * from record where v{whole.number} is not null and v{part.number} is not null
                          order by hash(rid) limit 20000)"""
            ).fetchone()
            if row and row[0] is not None and row[0] > 0.6:
                whole.parts.append(part.number)
