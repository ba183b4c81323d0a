"""Public bodies and institutions, residents' and villages' committees, associations, villages' collectives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from sample_city.codes import credit_codes, padded, shares, words
from sample_city.draw import Draw, Indices, Ints
from sample_city.organisations import leaders
from sample_city.people import People
from sample_city.places import Places, take, within

PUBLIC, SOCIAL, COLLECTIVE = 0, 1, 2  # who registers them: establishment office, civil affairs, agriculture
SHARES = (0.0060, 0.0040, 0.00067)  # per person
SERIALS = 500_000_000  # of their credit codes, past those of all firms
GOVERNMENT, PRIMARY, SECOND_PRIMARY, MIDDLE, COMMITTEE, COLLECTIVE_KIND = 0, 3, 4, 5, 6, 9
# name behind the town, kind in the key, register and kind of the credit code, class of GB/T 4754-2017
_KINDS: tuple[tuple[str, str, int, str], ...] = (
    ("人民政府", "机关", 11, "9221"),
    ("便民服务中心", "事业", 12, "9221"),
    ("卫生院", "事业", 12, "8423"),
    ("中心小学", "事业", 12, "8321"),
    ("第二小学", "事业", 12, "8321"),
    ("初级中学", "事业", 12, "8331"),
    ("委员会", "村委会", 54, "9610"),
    ("商会", "社团", 51, "9521"),
    ("社会工作服务中心", "民非", 52, "8522"),
    ("股份经济合作社", "村集体", 102, "9610"),
    ("", "事业", 12, "8310"),
    ("", "社团", 51, "9521"),
)
_OTHER_PUBLIC, _OTHER_SOCIAL = 10, 11
KIND = pl.DataFrame(_KINDS, schema=["tail", "kind", "register", "class"], orient="row")
SECTION = {"92": "S", "84": "Q", "83": "P", "96": "S", "95": "S", "85": "Q"}
_PUBLIC = words("幼儿园 文化站 农业技术推广站 敬老院 水利站 林业站 计生服务站 图书分馆 环卫所 房管所 财政所 渔业站")
_SOCIAL = words(
    "志愿者协会 老年协会 书画协会 篮球协会 养老服务中心 儿童关爱中心 太极拳协会 果业协会 戏曲协会 助残服务社"
)


@dataclass(frozen=True)
class Institutions:
    """One element each: kind (row of KIND), register (PUBLIC …), community it is in, what it is called after."""

    first: int
    kind: Ints
    register: Ints
    community: Ints
    extra: Ints
    house: Ints
    legal: Ints
    founded: Ints
    draw: Draw
    places: Places

    def __len__(self) -> int:
        return len(self.kind)

    def of(self, register: int) -> Indices:
        """Those of one register."""
        return np.flatnonzero(self.register == register)

    def keys(self, at: Ints) -> pl.Series:
        """Keys behind those of the firms: O000123 …"""
        return padded("O", np.asarray(at) + self.first + 1, 6)

    def codes(self, at: Ints) -> pl.Series:
        """GB 32100 codes; some of the city, most of the county."""
        county = self.places.area("county_code", self.community[at]).str.slice(0, 6).cast(pl.Int64).to_numpy()
        city = self.draw.chance("institution/city", at, 0.1)
        register = KIND["register"].to_numpy()[self.kind[at]]
        return credit_codes(register, np.where(city, 370600, county), np.asarray(at) + SERIALS)

    def names(self, at: Ints) -> pl.Series:
        """Registered names; those of committees are the full names of their areas."""
        area = self.community[at]
        extra = self.extra[at].astype(np.int64)
        words_of = [take(pl.Series(w), (extra + area) % len(w)) for w in (_PUBLIC, _SOCIAL)]
        frame = pl.DataFrame(
            {
                "county": self.places.area("county_name", area),
                "town": self.places.area("town_name", area),
                "community": self.places.area("community_name", area),
                "short": self.places.area("short_name", area),
                "tail": take(KIND["tail"], self.kind[at]),
                "kind": pl.Series(self.kind[at]),
                "public": words_of[0],
                "social": words_of[1],
                "round": pl.Series(
                    np.where(self.kind[at] == _OTHER_PUBLIC, extra // len(_PUBLIC), extra // len(_SOCIAL))
                ),
            }
        )
        kind, here = pl.col("kind"), pl.col("county") + pl.col("town")
        office = pl.col("county") + "人民政府" + pl.col("town") + "办事处"
        government = pl.when(pl.col("town").str.ends_with("街道")).then(office).otherwise(here + "人民政府")
        again = pl.when(pl.col("round") > 0).then("第" + (pl.col("round") + 1).cast(pl.String)).otherwise(pl.lit(""))
        return frame.select(
            pl.when(kind == GOVERNMENT)
            .then(government)
            .when(kind == COMMITTEE)
            .then(here + pl.col("community"))
            .when(kind == COLLECTIVE_KIND)
            .then("烟台市" + here + pl.col("short") + pl.col("tail"))
            .when(kind == _OTHER_PUBLIC)
            .then(here + pl.col("short") + again + pl.col("public"))
            .when(kind == _OTHER_SOCIAL)
            .then(here + pl.col("short") + again + pl.col("social"))
            .otherwise(here + pl.col("tail"))
        ).to_series()

    def schools(self) -> dict[int, Indices]:
        """The primary, second primary and middle school of each town, towns in the order of their codes."""
        return {kind: np.flatnonzero(self.kind == kind) for kind in (PRIMARY, SECOND_PRIMARY, MIDDLE)}


def build(draw: Draw, first_day: int, first_key: int, places: Places, people: People) -> Institutions:
    """Six bodies and two associations for each town, a committee for each community, and others up to their shares."""
    area = places.community
    every = np.arange(area.height)
    town = area["town_code"].rle_id().to_numpy()
    per_town = np.flatnonzero(np.diff(town, prepend=-1))
    villages = np.flatnonzero(~area["urban"].to_numpy())
    wanted = [round(people.count * share) for share in SHARES]
    kinds: list[Indices] = []
    at: list[Indices] = []
    extra: list[Indices] = []

    def add(kind: int, communities: Indices, serial: Indices | None = None) -> None:
        kinds.append(np.full(len(communities), kind))
        at.append(communities)
        extra.append(np.zeros(len(communities), dtype=np.int64) if serial is None else serial)

    for kind in range(GOVERNMENT, COMMITTEE):
        add(kind, per_town)
    add(COMMITTEE, every)
    for kind in (7, 8):
        add(kind, per_town)
    weight = area["households"].to_numpy() + 1.0
    for kind, missing in (
        (_OTHER_PUBLIC, wanted[PUBLIC] - 6 * len(per_town)),
        (_OTHER_SOCIAL, wanted[SOCIAL] - len(every) - 2 * len(per_town)),
    ):
        here = shares(max(missing, 0), weight)
        add(kind, np.repeat(every, here), within(here))
    chosen = villages[draw.order("institution/collective", villages)][: wanted[COLLECTIVE]]
    add(COLLECTIVE_KIND, np.sort(chosen))
    which, community = np.concatenate(kinds), np.concatenate(at)
    ids = np.arange(len(which))
    register = np.select([which == COLLECTIVE_KIND, np.isin(which, (COMMITTEE, 7, 8, _OTHER_SOCIAL))], [2, 1], 0)
    houses = area["houses"].to_numpy()[community]
    return Institutions(
        first=first_key,
        kind=which.astype(np.int8),
        register=register.astype(np.int8),
        community=community.astype(np.int32),
        extra=np.concatenate(extra).astype(np.int16),
        house=(area["first_house"].to_numpy()[community] + draw.below("institution/house", ids, houses)).astype(
            np.int32
        ),
        legal=leaders(draw, "institution/leader", community, people, first_day).astype(np.int32),
        founded=(first_day - 200 - draw.below("institution/age", ids, 8000)).astype(np.int32),
        draw=draw,
        places=places,
    )
