"""What citizens ring 12345 about: events, one or several calls on each, and the words they use."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import polars as pl

from sample_city.codes import padded
from sample_city.draw import Draw, Indices, Ints
from sample_city.households import Clock
from sample_city.people import People, neighbours
from sample_city.places import Places, numeral, take

RATE = 0.00131  # events per person and day
FIRST_WINDOW = 91  # days before the first delivery
PERSONS_PER_BURST = 3000
DAY = 86_400
NOWHERE, AT_ESTATE, AT_BUILDING, AT_HOUSE = range(4)

# kind, class of the hotline, department, weight, where; texts: before and after the address, after a number
# fmt: off
_KINDS: tuple[tuple[str, str, str, float, int, tuple[tuple[str, str, str], ...]], ...] = (
    ("垃圾清运", "城市管理", "环卫中心", 5.7, AT_BUILDING, (
        ("", "的垃圾", "天没人收了，一开窗就是臭味"),
        ("", "门口堆着装修垃圾，没人清理", ""),
    )),
    ("噪音扰民", "生态环境", "生态环境局", 8.2, AT_BUILDING, (
        ("", "旁边工地半夜还在干活，老人睡不着", ""),
        ("", "对面空地跳舞的音响开得太响", ""),
        ("", "附近饭店后厨风机整晚轰鸣", ""),
    )),
    ("停水", "供水", "水务集团", 4.8, AT_HOUSE, (
        ("", "早上起来就没有水了，也没见通知", ""),
        ("反映", "已经停水", "个小时，问几点能来水"),
    )),
    ("违法建设", "城市管理", "综合执法局", 5.5, AT_BUILDING, (
        ("", "有人在楼顶搭阳光房", ""),
        ("", "一楼把公共绿地圈成自家院子", ""),
    )),
    ("路灯不亮", "市政设施", "城管局", 4.9, AT_BUILDING, (
        ("", "旁边的路灯灭了", "盏，晚上走路看不清"),
        ("", "门前的路灯不亮，报修没有结果", ""),
    )),
    ("占道经营", "城市管理", "综合执法局", 3.8, AT_BUILDING, (
        ("", "路口摆摊的把非机动车道占满了", ""),
    )),
    ("拖欠工资", "劳动保障", "人社局", 4.8, NOWHERE, (
        ("在一家单位干了", "", "个月活没给工钱"),
        ("老板一直不结工程款，想请帮忙要回来", "", ""),
    )),
    ("树木倒伏", "园林绿化", "园林中心", 5.1, AT_BUILDING, (
        ("", "一棵大树被风刮倒，压着电线", ""),
        ("", "行道树的枯枝随时会掉下来", ""),
    )),
    ("房屋漏水", "物业管理", "住建局", 4.8, AT_HOUSE, (
        ("", "楼上渗水，墙皮掉了一片", ""),
        ("", "外墙雨天漏水，找物业", "次都没修"),
    )),
    ("暖气不热", "供热", "热力公司", 1.8, AT_HOUSE, (
        ("", "暖气片是凉的，屋里只有", "度"),
    )),
    ("社保咨询", "咨询", "人社局", 5.1, NOWHERE, (
        ("想问一下灵活就业的社保怎么缴", "", ""),
        ("咨询居民医保什么时候开始缴费", "", ""),
        ("问老人的高龄补贴在哪里办理", "", ""),
    )),
    ("电梯故障", "特种设备", "市场监管局", 4.1, AT_BUILDING, (
        ("", "的电梯坏了", "天，腿脚不好的出不了门"),
        ("", "电梯运行时有异响，担心出事", ""),
    )),
    ("违章停车", "交通管理", "交警大队", 4.4, AT_BUILDING, (
        ("", "门口乱停车，救护车进不来", ""),
        ("", "消防通道长期停着私家车", ""),
    )),
    ("井盖破损", "市政设施", "城管局", 4.6, AT_BUILDING, (
        ("", "路边的井盖碎了，容易伤人", ""),
        ("", "附近下水井没有盖子", ""),
    )),
    ("燃气异味", "燃气安全", "住建局", 4.1, AT_BUILDING, (
        ("", "楼道里有股煤气味，怕漏气", ""),
        ("", "附近能闻到刺鼻的怪味", ""),
    )),
    ("犬只扰民", "城市管理", "公安局", 4.9, AT_BUILDING, (
        ("", "有户人家的狗天天叫到后半夜", ""),
        ("", "院里有人遛大狗不拴绳", ""),
    )),
    ("邻里纠纷", "矛盾纠纷", "司法所", 4.1, AT_HOUSE, (
        ("", "与邻居因为楼道放东西吵了起来", ""),
        ("", "邻居装监控正对家门，协商不成", ""),
    )),
)
# fmt: on
KIND = pl.DataFrame([k[:3] for k in _KINDS], schema=["kind", "class", "department"], orient="row")
WHERE = np.asarray([k[4] for k in _KINDS])
_WEIGHTS = [k[3] for k in _KINDS]
_TEMPLATES = [t for k in _KINDS for t in k[5]]
_TEMPLATE_COUNT = np.asarray([len(k[5]) for k in _KINDS])
_TEMPLATE_FIRST = np.cumsum(_TEMPLATE_COUNT) - _TEMPLATE_COUNT
WATER, GAS, QUARREL = 2, 14, 16
SILENT = 0.00080  # per person and day
BY_GRID, BY_CITY, BY_BOTH, BY_MEDIATION = range(4)
SILENT_WAYS = (131.0, 67.0, 2.0, 7.0)
CITY_KINDS = np.asarray(
    [k[0] in ("垃圾清运", "违法建设", "路灯不亮", "占道经营", "树木倒伏", "违章停车", "井盖破损") for k in _KINDS]
)
GRID_KINDS = (WHERE != NOWHERE) & (np.asarray([k[0] for k in _KINDS]) != "违章停车")
_OPENINGS = ("", "", "", "来电人说", "市民反映：", "来电反映，", "诉求人称：")
_CLOSINGS = ("。", "，请尽快处理。", "", "，希望有人来看看", "！", "，已多次反映。", "，请给个答复", "，谢谢")
SATISFACTION = ("满意", "基本满意", "不满意", "")


@dataclass(frozen=True)
class Events:
    """Events (kind, second since 1970, house they are at, burst or -1) and calls (event, second, reporter).

    Calls are sorted by time. An event nobody rings about has a burst of -2 and less: -2 - way (BY_GRID …).
    """

    kind: Ints
    time: Ints
    house: Ints
    burst: Ints
    calls: Ints
    call_event: Ints
    call_time: Ints
    call_person: Ints
    places: Places
    draw: Draw

    def keys(self, at: Ints) -> pl.Series:
        """E0000001 …"""
        return padded("E", at + 1, 7)

    def levels(self, calls: Ints, event: Ints | None = None, stream: str = "call") -> Indices:
        """How precisely a call says where: NOWHERE, AT_ESTATE, AT_BUILDING or AT_HOUSE.

        `event` and `stream`: for reports on other ways, numbered by themselves
        """
        event = self.call_event[calls] if event is None else event
        level = WHERE[self.kind[event]]
        village = self.places.house_building[self.house[event]] < 0
        vague = self.draw.chance(f"{stream}/vague", calls, 0.12)
        level = np.where((level == AT_HOUSE) & self.draw.chance(f"{stream}/building", calls, 0.35), AT_BUILDING, level)
        level = np.where(vague & (level == AT_BUILDING), AT_ESTATE, level)
        return np.where(village & (level != NOWHERE), AT_HOUSE, level)

    def place_keys(self, calls: Ints, event: Ints | None = None, stream: str = "call") -> pl.Series:
        """Key of the place named in the call."""
        level, house = self.levels(calls, event, stream), self.house[self.call_event[calls] if event is None else event]
        building = self.places.house_building[house]
        estate = (
            np.where(building >= 0, self.places.building_estate[np.maximum(building, 0)], -1)
            if len(self.places.building_estate)
            else building
        )
        frame = pl.DataFrame(
            {
                "h": self.places.house_keys(house),
                "b": self.places.building_keys(building),
                "e": self.places.estate_keys(estate)
                if len(self.places.estate_community)
                else self.places.house_keys(house),
                "level": pl.Series(level),
            }
        )
        level_is = pl.col("level")
        chosen = (
            pl.when(level_is == AT_HOUSE)
            .then("h")
            .when(level_is == AT_BUILDING)
            .then("b")
            .when(level_is == AT_ESTATE)
            .then("e")
        )
        return frame.select(chosen.otherwise(pl.lit(""))).to_series()

    def addresses(self, calls: Ints, event: Ints | None = None, stream: str = "call") -> pl.Series:
        """The place as citizens say it: some of county, town and road left out, buildings as 1号楼, 1#楼 or 一号楼."""
        level, house = self.levels(calls, event, stream), self.house[self.call_event[calls] if event is None else event]
        building, community = self.places.house_building[house], self.places.house_community[house]
        at = np.maximum(building, 0)
        number = self.places.building_number[at] if len(self.places.building_number) else at
        estate = self.places.building_estate[at] if len(self.places.building_estate) else at
        head = self.draw.pick(f"{stream}/head", calls, [3, 2.5, 2, 1.5, 1.2])
        mark = self.draw.pick(f"{stream}/mark", calls, [6, 1.6, 1.2])
        marks = (
            [str(n) + "号楼" for n in range(100)],
            [str(n) + "#楼" for n in range(100)],
            [numeral(n) + "号楼" for n in range(100)],
        )
        flat = pl.Series([m for group in marks for m in group])
        frame = pl.DataFrame(
            {
                "county": self.places.area("county_name", community),
                "town": self.places.area("town_name", community),
                "village": self.places.area("short_name", community),
                "road": take(self.places.estate_road, estate)
                if len(self.places.estate_road)
                else pl.repeat("", len(calls), eager=True),
                "estate": take(self.places.estate_name, estate)
                if len(self.places.estate_name)
                else pl.repeat("", len(calls), eager=True),
                "number": take(flat, np.minimum(number, 99) + 100 * mark),
                "unit": pl.Series(self.places.house_unit[house]).cast(pl.String) + "单元",
                "room": pl.Series(
                    np.where(building >= 0, self.places.house_room[house], self.places.house_number[house])
                ).cast(pl.String),
                "head": pl.Series(head),
                "level": pl.Series(level),
                "urban": pl.Series(building >= 0),
                "with_road": pl.Series(self.draw.chance(f"{stream}/road", calls, 0.3)),
            }
        )
        choice = pl.col("head")
        start = (
            pl.when(choice == 0)
            .then("county")
            .when(choice == 1)
            .then(pl.col("county") + pl.col("town"))
            .when(choice == 2)
            .then("town")
            .when(choice == 3)
            .then(pl.lit(""))
            .otherwise("烟台市" + pl.col("county"))
        )
        road = pl.when("with_road").then("road").otherwise(pl.lit(""))
        estate_text = start + road + pl.col("estate")
        building_text = estate_text + pl.col("number")
        house_text = building_text + pl.col("unit") + pl.col("room") + "号"
        village_text = start + pl.col("village") + pl.col("room") + "号"
        where = pl.col("level")
        text = (
            pl.when(where == NOWHERE)
            .then(pl.lit(""))
            .when(~pl.col("urban"))
            .then(village_text)
            .when(where == AT_ESTATE)
            .then(estate_text)
            .when(where == AT_BUILDING)
            .then(building_text)
            .otherwise(house_text)
        )
        return frame.select(text).to_series()

    def texts(self, calls: Ints, addresses: pl.Series) -> pl.Series:
        """What the caller said, with the address inside; a few in quotation marks or over two lines."""
        kind = self.kind[self.call_event[calls]]
        which = _TEMPLATE_FIRST[kind] + self.draw.below("call/template", calls, _TEMPLATE_COUNT[kind])
        pieces = [take(pl.Series([t[i] for t in _TEMPLATES]), which) for i in range(3)]
        frame = pl.DataFrame(
            {
                "open": take(pl.Series(_OPENINGS), self.draw.below("call/open", calls, len(_OPENINGS))),
                "before": pieces[0],
                "address": addresses,
                "after": pieces[1],
                "end": pieces[2],
                "n": pl.Series(2 + self.draw.below("call/n", calls, 7)).cast(pl.String),
                "close": take(pl.Series(_CLOSINGS), self.draw.below("call/close", calls, len(_CLOSINGS))),
                "form": pl.Series(self.draw.pick("call/form", calls, [0.95, 0.015, 0.012, 0.023])),
            }
        )
        number = pl.when(pl.col("end") == "").then(pl.lit("")).otherwise(pl.col("n") + pl.col("end"))
        said = pl.concat_str("open", "before", "address", "after", number, "close")
        form = pl.col("form")
        return frame.select(
            pl.when(form == 1)
            .then('"' + said + '"来电人语气着急')
            .when(form == 2)
            .then(said + "\n请核实")
            .when(form == 3)
            .then(said + ",请回电")
            .otherwise(said)
        ).to_series()

    def status(self, calls: Ints, now: int) -> Ints:
        """1 closed, 0 open; a call of the last days is open more often."""
        age = (now + 1) * DAY - self.call_time[calls]
        return self.draw.chance("call/closed", calls, np.where(age > 7 * DAY, 0.9, 0.6)).astype(np.int8)


def build(draw: Draw, persons: int, clock: Clock, places: Places, people: People) -> Events:
    """Events from three months before the first delivery to the day of the last one."""
    edges = (clock.days[0] - FIRST_WINDOW, *clock.days)
    parts: list[tuple[Indices, ...]] = []
    base = 0
    for window, (low, high) in enumerate(itertools.pairwise(edges)):
        n = max(4, round(persons * RATE * (high - low)))
        ids = np.arange(base, base + n)
        second = np.floor(draw.uniform("event/time", ids) * (high - low) * DAY).astype(np.int64)
        homes = draw.below("event/home", ids, len(people.homes.house))
        parts.append(
            (
                draw.pick("event/kind", ids, _WEIGHTS),
                (low + 1) * DAY + second,
                people.homes.house[homes].astype(np.int64),
                np.full(n, -1),
                1 + draw.pick("event/calls", ids, [88, 9, 2, 1]),
            )
        )
        parts.append(_bursts(draw, window, low, high, people))
        parts.append(_silent(draw, window, low, high, people))
        base += n + len(parts[-2][0])
    kind, time, house, burst, calls = (np.concatenate(c) for c in zip(*parts, strict=True))
    event = np.repeat(np.arange(len(kind)), calls)
    call = np.arange(len(event))
    first = np.r_[True, event[1:] != event[:-1]]
    wait = np.where(burst[event] >= 0, 5 * 3600, 3 * DAY)
    when = time[event] + np.where(first, 0, np.floor(draw.uniform("call/wait", call) * wait)).astype(np.int64)
    order = np.argsort(when, kind="stable")
    return Events(
        kind=kind.astype(np.int8),
        time=time,
        house=house.astype(np.int32),
        burst=burst.astype(np.int32),
        calls=calls.astype(np.int16),
        call_event=event[order].astype(np.int32),
        call_time=when[order],
        call_person=_callers(draw, clock, people, places.house_community[house[event]])[order].astype(np.int32),
        places=places,
        draw=draw,
    )


def _callers(draw: Draw, clock: Clock, people: People, community: Ints) -> Indices:
    """Who calls: an adult of the community, now and then one of another."""
    age = (clock.days[0] - people.birth[: people.count]) / 365.25
    adults = np.flatnonzero((age >= 19) & (age < 88) & (people.death[: people.count] > clock.days[0]))
    near = neighbours(draw, "call/person", people, adults, community)
    far = adults[draw.below("call/person/far", np.arange(len(community)), len(adults))]
    return np.where(draw.chance("call/far", np.arange(len(community)), 0.15), far, near)


def _bursts(draw: Draw, window: int, low: int, high: int, people: People) -> tuple[Indices, ...]:
    """Many calls on one cause: a burst pipe is one event with many calls, a gas smell many events near one plant."""
    n = max(1, round(people.count / PERSONS_PER_BURST))
    ids = window * 1_000_000 + np.arange(n)
    day = low + 1 + draw.below("burst/day", ids, max(high - low - 1, 1))
    water_calls = 40 + draw.below("burst/calls", ids, 30)
    home = draw.below("burst/home", ids, len(people.homes.house))
    smells = 15 + draw.below("burst/smells", ids, 20)
    which = np.repeat(np.arange(n), smells)
    near = np.minimum(
        draw.below("burst/smell/home", ids, len(people.homes.house))[which]
        + draw.below("burst/near", np.arange(len(which)), 60),
        len(people.homes.house) - 1,
    )
    moment = draw.below("burst/moment", np.arange(len(which)) + ids[0], 2 * DAY)
    latest = (high + 1) * DAY - 1
    return (
        np.r_[np.full(n, WATER), np.full(len(which), GAS)],
        np.r_[day * DAY + 7 * 3600, np.minimum(day[which] * DAY + moment, latest)],
        np.r_[people.homes.house[home], people.homes.house[near]],
        np.r_[ids * 2, ids[which] * 2 + 1],
        np.r_[water_calls, np.ones(len(which), dtype=np.int64)],
    )


def _silent(draw: Draw, window: int, low: int, high: int, people: People) -> tuple[Indices, ...]:
    """What nobody rings about: seen by grid workers or inspectors, or settled by mediators."""
    n = round(people.count * SILENT * (high - low))
    ids = window * 100_000_000 + np.arange(n)
    way = draw.pick("silent/way", ids, SILENT_WAYS)
    weights = np.asarray(_WEIGHTS)
    kind = np.select(
        [way == BY_GRID, way == BY_MEDIATION],
        [draw.pick("silent/grid", ids, weights * GRID_KINDS), np.full(n, QUARREL)],
        draw.pick("silent/city", ids, weights * CITY_KINDS),
    )
    homes = draw.below("silent/home", ids, len(people.homes.house))
    second = np.floor(draw.uniform("silent/time", ids) * (high - low) * DAY).astype(np.int64)
    none = np.zeros(n, dtype=np.int64)
    return kind, (low + 1) * DAY + second, people.homes.house[homes].astype(np.int64), none - 2 - way, none


def sent(events: Events, clock: Clock, period: int) -> Indices:
    """Calls of a delivery: those since the delivery before, the first one reaching back three months."""
    low = clock.days[0] - FIRST_WINDOW if period == 1 else clock.days[period - 2]
    return np.arange(
        int(np.searchsorted(events.call_time, (low + 1) * DAY, "left")),
        int(np.searchsorted(events.call_time, (clock.days[period - 1] + 1) * DAY, "left")),
    )
