"""Chinese (and other) names in comparable form, set by set: skeleton and reading of every distinct name.

The skeleton is the name as a register would write it: one width, radicals and compatibility signs as ordinary signs,
traditional as simplified (the tables of `dbt_project/macros/standard/signs.sql`), without blanks and dots. The reading is
toneless pinyin (pypinyin's first reading of each sign), so that homophones (玥/月, 伟/炜) and variants agree.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from warehouse.lake import literal, quote
from warehouse.standard import macros

if TYPE_CHECKING:
    import duckdb

# Chinese signs, with the radicals and private points that stand for them in badly converted text.
HAN = "\\x{2e80}-\\x{2fdf}\\x{e815}-\\x{e864}\\x{f900}-\\x{faff}\\x{3007}\\x{3400}-\\x{4dbf}\\x{4e00}-\\x{9fff}\\x{20000}-\\x{323af}"
_READINGS = "name_reading"
_PLACES = (1, 2, 3, 4)


@lru_cache
def _signs() -> dict[str, tuple[str, str]]:
    """Each Chinese sign's first toneless reading (ü is written v, as on keyboards) and its simplified standard form."""
    from pypinyin.constants import PINYIN_DICT

    forms, traditional = macros()["std_sign_forms"](), macros()["std_traditional_forms"]()
    simplified = dict(zip(traditional["from"], traditional["to"], strict=True))
    standard = {old: simplified.get(new, new) for old, new in zip(forms["from"], forms["to"], strict=True)}
    standard = {**simplified, **standard}
    signs = {chr(point) for point in PINYIN_DICT} | set(standard)

    def plain(sign: str) -> str:
        spoken = PINYIN_DICT.get(ord(sign)) or PINYIN_DICT.get(ord(standard.get(sign, sign))) or sign
        decomposed = unicodedata.normalize("NFD", spoken.split(",", 1)[0]).replace("u\u0308", "v")
        return "".join(c for c in decomposed if not unicodedata.combining(c))

    return {sign: (plain(sign), standard.get(sign, sign)) for sign in sorted(signs)}


def reading_table(con: duckdb.DuckDBPyConnection) -> None:
    """Creates the temp table `name_reading(character, reading, simplified)`, about 43,000 signs; replaces an existing one."""
    signs = _signs()
    con.execute(
        f"""create or replace temp table {_READINGS} as
            select unnest($signs) as character, unnest($readings) as reading, unnest($simplified) as simplified""",
        {
            "signs": list(signs),
            "readings": [reading for reading, _ in signs.values()],
            "simplified": [simplified for _, simplified in signs.values()],
        },
    )


def plain_sql(x: str) -> str:
    """SQL of the text `x` in lower case and one width, without accents, blanks, dots and other signs that mean nothing."""
    width_from, width_to = macros()["std_text_width_from"](), macros()["std_text_width_to"]()
    narrow = (
        f"case when regexp_matches({x}, '[\\x{{ff00}}-\\x{{ff5f}}]') "
        f"then translate({x}, {literal(width_from)}, {literal(width_to)}) else {x} end"
    )
    tidy = f"regexp_replace(strip_accents(lower({narrow})), '[^\\p{{L}}\\p{{N}}{HAN}]+', '', 'g')"
    return f"nullif(case when regexp_full_match({x}, '[一-龥]+|[a-z0-9]+') then {x} else {tidy} end, '')"


def name_readings(con: duckdb.DuckDBPyConnection, relation: str, column: str, into: str) -> None:
    """Creates the temp table `into(name, reading, skeleton)` of the distinct values of `column` of `relation`.

    relation: SQL of a relation (a quoted name or a subquery in parentheses); column: bare name of a text column.
    Names that are null, or of which nothing is left, are not in it. Words in other scripts stand in the reading as one
    word each. Needs `reading_table`; creates it where it is missing.
    """
    import duckdb

    try:
        con.execute(f"describe {_READINGS}")  # listing tables instead would read the statistics of a whole lake
    except duckdb.CatalogException:
        reading_table(con)
    con.execute(
        f"""create or replace temp table __name_plain as
            select name, {plain_sql("name")} as plain
            from (select distinct {quote(column)} as name from {relation} as source where {quote(column)} is not null)"""
    )
    # A sign without a known reading stands for itself. Names of up to four signs, nearly all, need no unnesting.
    joins = " ".join(f"left join {_READINGS} as k{i} on k{i}.character = s{i}" for i in _PLACES)
    con.execute(
        f"""create or replace temp table {quote(into)} as
            with distinct_plain as (select distinct plain from __name_plain where plain is not null),
            short as (
                select plain, {", ".join(f"substr(plain, {i}, 1) as s{i}" for i in _PLACES)}
                from distinct_plain where regexp_full_match(plain, '[{HAN}]{{1,{len(_PLACES)}}}')),
            tokens as (
                select plain, unnest(signs) as sign, generate_subscripts(signs, 1) as place
                from (select plain, regexp_extract_all(plain, '[{HAN}]|[^{HAN}]+') as signs
                      from distinct_plain where not regexp_full_match(plain, '[{HAN}]{{1,{len(_PLACES)}}}'))),
            spoken as (
                select plain, concat_ws(' ', {", ".join(f"coalesce(k{i}.reading, nullif(s{i}, ''))" for i in _PLACES)}) as reading,
                       concat({", ".join(f"coalesce(k{i}.simplified, s{i})" for i in _PLACES)}) as skeleton
                from short {joins}
                union all
                select plain, string_agg(coalesce(known.reading, sign), ' ' order by place),
                       string_agg(coalesce(known.simplified, sign), '' order by place)
                from tokens left join {_READINGS} as known on known.character = sign group by plain)
            select name, reading, skeleton from __name_plain join spoken using (plain)"""
    )
    con.execute("drop table __name_plain")
