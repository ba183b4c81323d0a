"""Firms, individual businesses and co-operatives of the business register."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from sample_city.codes import credit_codes, padded, words
from sample_city.draw import Draw, Ints
from sample_city.households import LATER, Clock
from sample_city.people import NEVER, People, neighbours
from sample_city.places import Places, take

SHARE = 0.0655  # organisations of the register per person
FIRM, SELF_EMPLOYED, COOPERATIVE = 0, 1, 2
KINDS = ("企业", "个体户", "合作社")
KIND_NAMES = ("有限责任公司(自然人独资)", "个体工商户", "农民专业合作社")
_KIND_WEIGHTS = (45.5, 53.5, 1.0)
REGISTERS = np.asarray([91, 92, 93])
STATUS_NAMES = ("在营（开业）企业", "注销", "吊销")
STATUSES = ("存续", "注销", "吊销")
FOUNDED, CANCELLED, NEW_LEGAL, RENAMED = 0.006, 0.007, 0.007, 0.006  # monthly shares
_CAPITAL_FIRM = np.asarray([10, 30, 50, 100, 200, 300, 500, 1000, 2000, 5000])
_CAPITAL_SELF = np.asarray([1, 2, 3, 5, 8, 10, 20])

# class of GB/T 4754-2017, its name, section, word for a firm, word for a shop, hazardous; then the scope:
# | is a line break, a quotation mark stays one
# fmt: off
_INDUSTRIES: tuple[tuple[str, str, str, str, str, bool, str], ...] = (
    ("5212", "超级市场零售", "F", "商贸", "超市", False,
     '许可经营：预包装及散装食品、卷烟零售|一般经营：日用杂品，"小家电"，文体用品销售'),
    ("5211", "百货零售", "F", "百货", "百货店", False,
     "日用百货、针纺织品、厨具卫具零售；家用电器销售"),
    ("6210", "正餐服务", "H", "餐饮", "饭店", False,
     "正餐服务,酒水零售；承接宴席"),
    ("6220", "快餐服务", "H", "餐饮管理", "快餐店", False,
     '快餐、小吃制售，"外卖"配送；饮料零售'),
    ("6110", "旅游饭店", "H", "酒店", "宾馆", False,
     "住宿；会议接待|附设：停车、洗衣、商务服务"),
    ("8051", "洗浴服务", "O", "洗浴", "浴池", False,
     "洗浴；汗蒸；足部保健（不含医疗）"),
    ("8040", "理发及美容服务", "O", "美容", "理发店", False,
     "理发；生活美容；化妆品零售"),
    ("5265", "机动车燃油零售", "F", "石油销售", "加油站", True,
     "许可经营：汽油、柴油（危险化学品）零售|一般经营：润滑油、车用饰品零售"),
    ("5132", "服装批发", "F", "服饰", "服装店", False,
     "服装鞋帽批发零售；箱包、饰品销售"),
    ("5263", "汽车零配件零售", "F", "汽车配件", "汽配店", False,
     "汽车配件、轮胎、机油零售；汽车装具安装"),
    ("8111", "汽车修理与维护", "O", "汽车维修", "汽修厂", False,
     "小型车维修（三类）；汽车美容；道路救援"),
    ("4710", "住宅房屋建筑", "E", "建筑工程", "建筑队", False,
     "房屋建筑工程施工；地基基础工程；建材销售"),
    ("5011", "公共建筑装饰和装修", "E", "装饰工程", "装修队", False,
     "室内外装饰装修工程设计、施工；装饰材料销售"),
    ("4813", "市政道路工程建筑", "E", "市政工程", "施工队", False,
     "市政道路、管网、园林绿化工程施工；土石方工程"),
    ("1361", "水产品冷冻加工", "C", "水产食品", "海产加工点", False,
     "水产品收购、冷冻、加工及销售；冷库租赁"),
    ("1371", "蔬菜加工", "C", "果蔬食品", "果蔬加工点", False,
     "果蔬保鲜、脱水、冷藏；粉丝制品生产"),
    ("1512", "白酒制造", "C", "酒业", "酒坊", False,
     "白酒生产、销售；包装制品零售"),
    ("1515", "葡萄酒制造", "C", "葡萄酒庄", "酒窖", False,
     "葡萄种植；葡萄酒、白兰地生产销售；酒庄观光"),
    ("2651", "初级形态塑料及合成树脂制造", "C", "新材料", "塑料厂", True,
     "合成树脂、助剂生产销售（凭许可证经营）|化工原料（不含剧毒品）销售"),
    ("2710", "化学药品原料药制造", "C", "医药科技", "药材加工点", True,
     "原料药、医药中间体研发、生产；技术转让"),
    ("2924", "泡沫塑料制造", "C", "塑料制品", "泡沫厂", False,
     "塑料包装、泡沫制品加工销售"),
    ("3311", "金属结构制造", "C", "钢结构", "铁艺加工", False,
     "钢结构制作安装；五金件加工；铁艺门窗"),
    ("3484", "机械零部件加工", "C", "机械", "机加工厂", False,
     "机械零部件、模具加工；金属材料销售"),
    ("3670", "汽车零部件及配件制造", "C", "汽车零部件", "配件厂", False,
     "汽车零部件研发制造；货物及技术进出口"),
    ("3982", "电子电路制造", "C", "电子科技", "电子厂", False,
     "电子元器件、线路板制造；嵌入式软件开发"),
    ("5431", "普通货物道路运输", "G", "物流", "货运部", False,
     "普通货运；货物配载；仓储（不含危险品）"),
    ("5942", "危险化学品仓储", "G", "化工仓储", "气站", True,
     "危险化学品储存（按许可证核定范围）|普货仓储；装卸服务"),
    ("6513", "应用软件开发", "I", "软件", "网络工作室", False,
     "软件开发与销售；系统集成；数据处理"),
    ("6560", "信息技术咨询服务", "I", "信息技术", "电脑店", False,
     "信息技术咨询，网站建设；计算机及耗材销售"),
    ("7010", "房地产开发经营", "K", "置业", "房屋租赁部", False,
     "房地产开发；房屋租赁；物业代理"),
    ("7020", "物业管理", "K", "物业服务", "保洁部", False,
     "物业管理；保洁；绿化养护；停车场管理"),
    ("7212", "投资与资产管理", "L", "投资", "信息服务部", False,
     "以自有资金投资；资产管理（不得吸收存款）"),
    ("7241", "会计、审计及税务服务", "L", "财务咨询", "代账工作室", False,
     "代理记账；税务咨询；工商代办"),
    ("7251", "互联网广告服务", "L", "文化传媒", "广告部", False,
     '广告设计、制作、发布；"短视频"策划'),
    ("7320", "工程和技术研究和试验发展", "M", "工程技术", "检测服务部", False,
     "工程技术研究；检测仪器销售与维护"),
    ("8391", "职业技能培训", "P", "教育科技", "培训班", False,
     "职业技能培训；教育咨询（不含学历教育）"),
    ("0111", "稻谷种植", "A", "农业科技", "农资店", False,
     "粮食、蔬菜种植；化肥、不再分装的种子销售"),
    ("0151", "仁果类和核果类水果种植", "A", "果业", "果品收购点", False,
     "苹果、大樱桃种植、储藏、销售；果袋销售"),
    ("0313", "猪的饲养", "A", "牧业", "养殖场", False,
     "畜禽养殖、销售；饲料零售"),
    ("0411", "海水养殖", "A", "海洋", "海参养殖场", False,
     "海参、鲍鱼育苗养殖；水产品销售"),
)
# fmt: on
_INDUSTRY_WEIGHTS = tuple(6.0 if row[0][0] in "56" else 2.5 for row in _INDUSTRIES)
INDUSTRY = pl.DataFrame(
    _INDUSTRIES, schema=["code", "class", "section", "firm", "shop", "hazardous", "scope"], orient="row"
).with_columns(pl.col("scope").str.replace("|", "\n", literal=True))
_WORD_1 = words("鲁 胶 烟 海 金 银 盛 恒 瑞 祥 福 鑫 宏 泰 永 新 东 华 中 德 信 诚 天 万 国 康 嘉 利 隆 顺")
_WORD_2 = words("源 达 丰 润 通 昌 盛 和 兴 泽 茂 荣 裕 成 发 升 宇 航 洋 鼎 益 美 安 友 邦 佳 合 旺 景 辉")
_WORD_3 = ["", "", "", *words("堂 业 世 立 民 德 宝 龙 汇 鸣 铭 联")]


@dataclass(frozen=True)
class Organisations:
    """One element per organisation; period columns hold the delivery from which something is so (NEVER-like: never)."""

    kind: Ints
    industry: Ints
    house: Ints
    shop: Ints
    founded: Ints
    founded_in: Ints
    status: Ints
    cancelled: Ints
    cancelled_in: Ints
    legal: Ints
    next_legal: Ints
    legal_changed_in: Ints
    renamed_in: Ints
    capital: Ints
    draw: Draw
    places: Places

    def __len__(self) -> int:
        return len(self.kind)

    def keys(self, at: Ints) -> pl.Series:
        """O000001 …"""
        return padded("O", at + 1, 6)

    def codes(self, at: Ints) -> pl.Series:
        """GB 32100 codes; the area is that of the county, 370600 where the city registered the business."""
        county = self._county(at)
        city = self.draw.chance("org/city", at, 0.15)
        return credit_codes(REGISTERS[self.kind[at]], np.where(city, 370600, county), at)

    def registration_numbers(self, at: Ints) -> pl.Series:
        """The 15-digit number used before 2015."""
        return (
            pl.Series(self._county(at)).cast(pl.String)
            + padded("", (np.asarray(at, dtype=np.int64) * 387_420_489 + 179_424_673) % 10**9, 9)
        ).alias("number")

    def _county(self, at: Ints) -> Ints:
        communities = self.places.house_community[self.house[at]]
        return self.places.area("county_code", communities).str.slice(0, 6).cast(pl.Int64).to_numpy()

    def names(self, at: Ints, period: int) -> pl.Series:
        """Registered names; a renamed firm has become a group."""
        communities = self.places.house_community[self.house[at]]
        words = [self.draw.below(f"org/word/{i}", at, len(w)) for i, w in enumerate((_WORD_1, _WORD_2, _WORD_3))]
        frame = pl.DataFrame(
            {
                "county": self.places.area("county_name", communities),
                "town": self.places.area("town_name", communities),
                "word": _joined(words),
                "firm": take(INDUSTRY["firm"], self.industry[at]),
                "shop": take(INDUSTRY["shop"], self.industry[at]),
                "kind": pl.Series(self.kind[at]),
                "long": pl.Series(self.draw.chance("org/long", at, 0.4)),
                "renamed": pl.Series(self.renamed_in[at] <= period),
            }
        )
        head = pl.when("long").then("烟台市" + pl.col("county")).otherwise(pl.lit("烟台"))
        tail = pl.when("renamed").then(pl.lit("集团有限公司")).otherwise(pl.lit("有限公司"))
        firm = head + pl.col("word") + pl.col("firm") + tail
        shop = (
            pl.col("county")
            + pl.col("word")
            + pl.col("shop")
            + pl.when("renamed").then(pl.lit("总店")).otherwise(pl.lit(""))
        )
        farm = pl.col("county") + pl.col("town") + pl.col("word") + pl.col("firm") + "专业合作社"
        return frame.select(
            pl.when(pl.col("kind") == FIRM).then(firm).when(pl.col("kind") == COOPERATIVE).then(farm).otherwise(shop)
        ).to_series()

    def legal_at(self, at: Ints, period: int) -> Ints:
        """The legal representative, owner or head on the day of a delivery: person indices."""
        return np.where(self.legal_changed_in[at] <= period, self.next_legal[at], self.legal[at])

    def status_at(self, at: Ints, period: int) -> Ints:
        """Index into STATUSES."""
        return np.where(self.cancelled_in[at] <= period, self.status[at], 0)

    def addresses(self, at: Ints) -> pl.Series:
        """Business addresses: a building, for a shop with its number; a house in a village."""
        house = self.house[at]
        shop = pl.Series("shop", self.shop[at]).cast(pl.String) + "号商铺"
        numbered = (self.kind[at] == SELF_EMPLOYED) & (self.places.house_building[house] >= 0)
        tail = pl.DataFrame([shop, pl.Series("n", numbered)]).select(pl.when("n").then("shop").otherwise(pl.lit("")))
        return self.places.site_addresses(house) + tail.to_series()

    def place_keys(self, at: Ints) -> pl.Series:
        """The building, or the house in a village."""
        return self.places.site_keys(self.house[at])


def _joined(words: Sequence[Ints]) -> pl.Series:
    pieces = [
        take(pl.Series(pool), w).alias(str(i))
        for i, (pool, w) in enumerate(zip((_WORD_1, _WORD_2, _WORD_3), words, strict=True))
    ]
    return pl.DataFrame(pieces).select(pl.concat_str(pl.all())).to_series()


def build(draw: Draw, persons: int, clock: Clock, places: Places, people: People) -> Organisations:
    """Organisations in the houses and buildings of random households, led by adults of the same community."""
    first = max(12, round(persons * SHARE))
    more = max(1, round(first * FOUNDED))
    founded_in = np.r_[np.ones(first, dtype=np.int64), np.repeat(np.arange(2, len(clock.days) + 1), more)]
    ids = np.arange(len(founded_in))
    home = draw.below("org/home", ids, len(people.homes.house))
    house = people.homes.house[home].astype(np.int64)
    community = places.house_community[house]
    kind = draw.pick("org/kind", ids, _KIND_WEIGHTS)
    age = draw.below("org/age", ids, 24 * 365)
    days = np.asarray(clock.days)
    founded = np.where(founded_in == 1, days[0] - 60 - age, days[founded_in - 1] - 1 - draw.below("org/day", ids, 27))
    status = 1 + draw.pick("org/status", ids, [5.0, 3.0])
    gone = draw.chance("org/gone", ids, 0.028) & (founded_in == 1)
    cancelled_in = np.where(gone, 1, LATER)
    cancelled = np.where(
        gone,
        days[0] - 1 - draw.below("org/cancelled", ids, np.minimum(np.maximum(days[0] - founded - 1, 1), 900)),
        NEVER,
    )
    legal_changed_in, renamed_in = (np.full(len(ids), LATER) for _ in range(2))
    for period in range(2, len(clock.days) + 1):
        here = founded_in < period
        end = here & (cancelled_in > period) & draw.chance(f"org/cancel/{period}", ids, CANCELLED)
        cancelled_in[end] = period
        cancelled[end] = days[period - 1] - draw.below("org/cancelled/day", ids[end], 27)
        legal_changed_in[here & (legal_changed_in > period) & draw.chance(f"org/legal/{period}", ids, NEW_LEGAL)] = (
            period
        )
        renamed_in[
            here & (renamed_in > period) & (kind != COOPERATIVE) & draw.chance(f"org/rename/{period}", ids, RENAMED)
        ] = period
    capital = np.where(
        kind == FIRM,
        _CAPITAL_FIRM[draw.pick("org/capital", ids, [22, 4, 30, 27, 14, 18, 18, 24, 14, 8])],
        _CAPITAL_SELF[draw.pick("org/capital/self", ids, [2, 8, 10, 30, 8, 20, 6])],
    )
    return Organisations(
        kind=kind.astype(np.int8),
        industry=draw.pick("org/industry", ids, _INDUSTRY_WEIGHTS).astype(np.int16),
        house=house.astype(np.int32),
        shop=(1 + draw.below("org/shop", ids, 28)).astype(np.int16),
        founded=founded.astype(np.int32),
        founded_in=founded_in.astype(np.int16),
        status=status.astype(np.int8),
        cancelled=cancelled.astype(np.int32),
        cancelled_in=cancelled_in.astype(np.int16),
        legal=leaders(draw, "org/leader", community, people, clock.days[0]).astype(np.int32),
        next_legal=leaders(draw, "org/leader/next", community, people, clock.days[0]).astype(np.int32),
        legal_changed_in=legal_changed_in.astype(np.int16),
        renamed_in=renamed_in.astype(np.int16),
        capital=capital.astype(np.int32),
        draw=draw,
        places=places,
    )


def leaders(draw: Draw, stream: str, community: Ints, people: People, day: int) -> Ints:
    """An adult of the community for each organisation; `day`: of the first delivery."""
    ids = np.arange(people.count)
    age = (day - people.birth[ids]) / 365.25
    able = (age >= 22) & (age < 68) & (people.document[ids] == 0) & (people.death[ids] > day)
    return neighbours(draw, stream, people, np.flatnonzero(able), community)
