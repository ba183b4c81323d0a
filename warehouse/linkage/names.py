"""Names in comparable form with how common each is: what makes two equal names evidence is that few people bear them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.lake import literal
from warehouse.linkage.engine.names import name_readings

if TYPE_CHECKING:
    import duckdb

SHARES = Path(__file__).parent / "weights" / "sign_share.csv"
"""`place` (surname, given), `sign`, `share` of people; a versioned file, measured anew only on request (`townlake weights`)."""
_UNSEEN_SURNAME, _UNSEEN_GIVEN = 1e-4, 3e-4
_LEAST = 1e-10


def read_names(con: duckdb.DuckDBPyConnection, relation: str, column: str) -> None:
    """Creates temp table `name_read(name, reading, skeleton, share)` of the names in `relation`.

    share: how many people of all bear the name, estimated from above: the product of the shares of people with its surname and
    with each of its given signs. Names that are not one to three given signs after a surname (minority names, foreign ones)
    count as rare.
    """
    name_readings(con, relation, column, "name_plain_read")
    con.execute(
        f"""create or replace temp table name_read as
            with shares as (from read_csv({literal(str(SHARES))}, header = true)),
            signs as (
                select skeleton, unnest(string_split(skeleton, '')) as sign, generate_subscripts(string_split(skeleton, ''), 1) as place
                from (select distinct skeleton from name_plain_read where length(skeleton) between 2 and 4)),
            common as (
                select signs.skeleton, product(coalesce(
                    shares.share, case when signs.place = 1 then {_UNSEEN_SURNAME} else {_UNSEEN_GIVEN} end)) as share
                from signs left join shares
                    on shares.sign = signs.sign and shares.place = case when signs.place = 1 then 'surname' else 'given' end
                group by signs.skeleton)
            select name_plain_read.*, greatest(coalesce(common.share, {_LEAST}), {_LEAST}) as share
            from name_plain_read left join common using (skeleton)"""
    )


def know_areas(con: duckdb.DuckDBPyConnection) -> None:
    """Sets the variables `city_head`, `city_rest`, `county_head`: patterns of what stands before a firm's own name.

    They come from the national counties of the cities whose divisions were delivered; without these they match nothing.
    """
    rows = con.execute(
        """select distinct city_name, name from lake.staging.county
           where left(county_code, 4) in (select distinct left(area_code, 4) from lake.intermediate.int_area__division)"""
    ).fetchall()
    cities = sorted({re.escape(city.removesuffix("市")) for city, _ in rows if city not in ("市辖区", "县")})
    counties = sorted({re.escape(re.sub(r"(?<=..)[市区县]$", "", county)) for _, county in rows}, key=len, reverse=True)
    nothing = "[^\\s\\S]"
    head = f"^(?:[一-龥]{{2,3}}省)?(?:{'|'.join(cities)})市?" if cities else nothing
    con.execute("set variable city_head = ?", [head])
    con.execute("set variable city_rest = ?", ["^市" if cities else nothing])
    con.execute("set variable county_head = ?", [f"^({'|'.join(counties)})[市区县]?" if counties else nothing + "()"])
