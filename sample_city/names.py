"""Personal names: surnames by frequency, given names by sex and the years they were in fashion, rare characters.

A name is three indices into one list of parts, so that millions of names take six bytes each and are compared as
numbers; `render` turns a column of them into text. The frequencies of surnames are rounded from published lists of
the most common ones, with the surnames peculiar to the Jiaodong peninsula (于 曲 初 牟 迟 矫 丛 栾 修 隋 …) made as frequent
as they are there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from sample_city.draw import Bools, Draw, Floats, Indices, Ints

_SURNAMES = (
    "王 780 李 640 张 620 刘 580 孙 450 于 380 姜 260 陈 240 曲 230 杨 210 徐 200 赵 190 林 180 宋 150 郭 140 高 130 吴 125 "
    "周 115 朱 110 马 108 隋 100 初 95 栾 92 崔 90 胡 88 郑 85 丛 82 迟 80 吕 78 邹 76 冯 74 牟 72 贾 70 宫 68 丁 66 韩 64 "
    "董 62 梁 60 唐 58 许 56 邓 50 曹 50 沈 48 任 46 谭 44 衣 42 蔡 42 矫 40 修 40 田 38 战 36 柳 36 史 34 程 34 孔 32 姚 32 "
    "范 30 侯 30 慕 28 潘 28 戴 26 谢 26 葛 25 薛 25 石 24 邵 24 苏 23 尹 22 温 22 左 20 原 20 门 18 滕 18 鞠 18 逄 15 罗 15 "
    "彭 15 夏 14 汤 13 袁 13 尚 12 仲 12 白 12 秦 12 魏 12 解 10 单 10 仇 8 盖 8 查 6 佟 6 尉 5 阎 5 亓 4 璩 2 欧阳 6 司马 4 "
    "上官 3 诸葛 3 东方 2 尉迟 2 慕容 2 司徒 2 皇甫 1 令狐 1"
)
# the most frequent first; a character's weight falls with its place
_GIVEN = {
    ("1", 0): "福德山明文海洪玉云成忠仁义吉财树学寿永贵清祥万宝庆全喜发廷善茂盛春江有和殿连运日升田恒顺",
    ("2", 0): "英兰秀珍桂芳花凤淑翠荣香素梅菊爱玉芝莲美春云娥金霞彩巧连惠芬清娟贞月洁环绪叶田令喜素",
    ("1", 1): "国建军文志明华光永利生忠义民强平胜东卫红振兴伟宝成玉海林学春吉庆德福山绍增俊良世元传家",
    ("2", 1): "秀玉桂丽淑英华红芳兰凤珍荣爱美艳萍霞梅春云燕翠敏娟琴莲香芬玲花素晓惠竹君青文卫彩杰",
    ("1", 2): "伟强军涛勇刚杰鹏峰波超建磊斌辉晓东海志明亮飞国庆文林俊洪旭凯健利民龙宁忠永栋毅松松春雷",
    ("2", 2): "丽娜静燕敏霞艳娟芳红萍玲莉梅英婷颖晓雪秋慧琳蕾洁倩华云春文君璐平青晶佳妮娇双琪琴培",
    ("1", 3): "浩宇杰俊鑫凯鹏飞超博文志涛明轩旭健龙帅晨阳宁康磊昊天翔云瑞泽琦晗铭坤嘉子航一家豪成林",
    ("2", 3): "婷璐雪悦佳琪颖妍慧莹雅欣晓倩静文怡蕾洁丽萌玉琳娜敏宁梦瑶甜雨珊爽蓉媛晴思晨曦冰清露",
    ("1", 4): "子浩宇轩梓泽辰睿博一铭晨皓昊俊嘉佑瑞煜霖航然奕熙程屹恩弘文逸骏翰烨承天翊君杰乐尚钧淳",
    ("2", 4): "子梓涵欣怡妍诗雨语若汐一诺琪萱悦瑶宸彤熙依可雯艺昕佳玥菡苒芮晗伊沐桐清妙乐心柠米书禾",
}
RARE = "龑䶮玥喆堃淼昇頔垚燚翀珺琎彧瑀𬭎昉婧煊韡祎𬸣㛃𬀩䴖𡐓"
_ETHNIC_FIRST = {
    "1": "艾力·,买买提·,阿不都·,努尔兰·,吐尔逊·,叶尔肯·,巴特尔·,扎西·",
    "2": "阿依古丽·,迪丽努尔·,古丽娜尔·,帕提古丽·,热依拉·,阿孜古丽·,卓玛·,其其格·",
}
_ETHNIC_LAST = "买买提,阿不都热合曼,艾合买提,吐尔逊,叶尔肯,依明,卡德尔,赛买提,多吉,苏和"
_FOREIGN_FIRST = "SMITH ,KIM ,PARK ,TANAKA ,MÜLLER ,IVANOV ,NGUYEN ,BROWN ,"
_FOREIGN_LAST = "JOHN ALAN,MARIA,JIHOON,YUKI,ANNA,PETER,LINH,SUN HEE"
_TRADITIONAL_FIRST = "陳,黃,劉,張,吳,林,鄭,蔡"
_TRADITIONAL_LAST = "家豪,志偉,美玲,淑芬,俊傑,雅婷,鴻達,詠詩"
_HAN, _DOTTED, _FOREIGN, _TRADITIONAL = range(4)
_TWO_CHARACTERS = (0.85, 0.78, 0.52, 0.68, 0.9)  # share of two-character given names by years of birth
_RARE_SHARE = 0.0135


@dataclass(frozen=True)
class Pools:
    """All parts of names, and where each pool lies in the list."""

    parts: pl.Series
    spans: dict[str, tuple[int, int]]
    surname_weights: Floats


def _pools() -> Pools:
    words = _SURNAMES.split()
    pools: dict[str, list[str]] = {"none": [""], "surname": words[::2]}
    for (sex, era), text in _GIVEN.items():
        pools[f"given/{sex}/{era}"] = list(text)
    pools["rare"] = list(RARE)
    for sex, text in _ETHNIC_FIRST.items():
        pools[f"dotted/{sex}"] = text.split(",")
    pools["dotted/last"] = _ETHNIC_LAST.split(",")
    pools["foreign"], pools["foreign/last"] = _FOREIGN_FIRST.rstrip(",").split(","), _FOREIGN_LAST.split(",")
    pools["traditional"], pools["traditional/last"] = _TRADITIONAL_FIRST.split(","), _TRADITIONAL_LAST.split(",")
    spans: dict[str, tuple[int, int]] = {}
    parts: list[str] = []
    for name, pool in pools.items():
        spans[name] = (len(parts), len(parts) + len(pool))
        parts += pool
    return Pools(pl.Series("part", parts), spans, np.asarray([float(w) for w in words[1::2]]))


POOLS = _pools()
COMPOUND = tuple(i for i, p in enumerate(POOLS.parts[: POOLS.spans["surname"][1]].to_list()) if len(p) == 2)


def _zipf(n: int) -> Floats:
    """Weights that fall slowly with the place in a pool."""
    return np.asarray(1.0 / (np.arange(n) + 6.0))


def surnames(draw: Draw, ids: Ints) -> Indices:
    """A Han surname for each id, as a part index."""
    return draw.pick("name/surname", ids, POOLS.surname_weights) + POOLS.spans["surname"][0]


def eras(birth_year: Ints) -> Indices:
    """The fashion of given names by year of birth: 0 before 1950 … 4 since 2010."""
    return np.searchsorted([1950, 1970, 1990, 2010], birth_year, side="right")


def given(draw: Draw, ids: Ints, sex: Ints, birth_year: Ints, version: int = 0) -> tuple[Indices, Indices]:
    """Two part indices of a given name; the second is empty for a name of one character."""
    era = eras(birth_year)
    second = np.zeros(len(ids), dtype=np.int64)
    first = np.zeros(len(ids), dtype=np.int64)
    suffix = f"/{version}" if version else ""
    two = draw.chance("name/two" + suffix, ids, np.asarray(_TWO_CHARACTERS)[era])
    for (code, e), text in _GIVEN.items():
        here = np.flatnonzero((sex == int(code)) & (era == e))
        start = POOLS.spans[f"given/{code}/{e}"][0]
        first[here] = start + draw.pick("name/first" + suffix, ids[here], _zipf(len(text)))
        second[here] = start + draw.pick("name/second" + suffix, ids[here], _zipf(len(text)))
    low, high = POOLS.spans["rare"]
    rare = draw.chance("name/rare", ids, _RARE_SHARE)
    second = np.where(two, second, 0)
    rare_part = low + draw.below("name/rare/which", ids, high - low)
    second = np.where(rare & two, rare_part, second)
    first = np.where(rare & ~two, rare_part, first)
    return first, second


def dotted(draw: Draw, ids: Ints, sex: Ints) -> tuple[Indices, Indices]:
    """Names with a middle dot, as two part indices; the dot is U+00B7, the only one the registry allows."""
    first = np.zeros(len(ids), dtype=np.int64)
    for code in "12":
        low, high = POOLS.spans[f"dotted/{code}"]
        first = np.where(sex == int(code), low + draw.below("name/dotted", ids, high - low), first)
    low, high = POOLS.spans["dotted/last"]
    return first, low + draw.below("name/dotted/last", ids, high - low)


def foreign(draw: Draw, ids: Ints, traditional: Bools) -> tuple[Indices, Indices]:
    """Names of holders of other documents: Latin letters, or traditional characters."""
    parts = []
    for suffix in ("", "/last"):
        (a, b), (c, d) = POOLS.spans["foreign" + suffix], POOLS.spans["traditional" + suffix]
        latin = a + draw.below("name/foreign" + suffix, ids, b - a)
        han = c + draw.below("name/traditional" + suffix, ids, d - c)
        parts.append(np.where(traditional, han, latin))
    return parts[0], parts[1]


def render(columns: Iterable[Ints]) -> pl.Series:
    """Names as text from their three part indices."""
    pieces = [
        POOLS.parts.gather(pl.Series(np.asarray(c, dtype=np.uint32))).alias(str(i)) for i, c in enumerate(columns)
    ]
    return pl.DataFrame(pieces).select(pl.concat_str(pl.all())).to_series()


def has_rare(columns: Iterable[Ints]) -> np.ndarray:
    """Which names hold a rare character."""
    low, high = POOLS.spans["rare"]
    return np.any([(np.asarray(c) >= low) & (np.asarray(c) < high) for c in columns], axis=0)


_FIRST_WITH_TEXT = np.asarray(
    [POOLS.parts.to_list().index(p) for p in POOLS.parts.to_list()], dtype=np.int64
)  # the same character stands in several pools


def equal_keys(columns: Iterable[Ints]) -> Indices:
    """A number for each name; equal for equal names."""
    key = None
    for column in columns:
        part = _FIRST_WITH_TEXT[np.asarray(column)]
        key = part if key is None else key * len(POOLS.parts) + part
    assert key is not None
    return key
