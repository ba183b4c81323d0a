"""What goes wrong with cells: one expression per kind of defect, and the engine that applies declared defects.

A source declares its defects per column (`Defect(kind, rate)`); the engine draws the rows, damages them and logs
the original and the damaged text. An expression reads the cell `t` and a random integer `r` (0 … 999,999); where it
gives the same text or null the defect does not apply to that cell and nothing is logged. `rate` is the share of the
cells to which the kind applies.

A row that is hurt stays hurt in the next delivery, but for REDRAWN of the rows, which a clerk has touched since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from sample_city.draw import Bools, Draw, Indices, Ints

REDRAWN = 0.06
TOWN_SHARE = 0.64
_URBAN = frozenset({"addr_dashes", "addr_hash"})
NULL_WORDS = ("无", "-", "不详", "暂无", "NULL", "/", "N/A", "0000", "null")
RARE_CHARACTERS = "龑䶮玥喆堃淼昇頔垚燚翀珺琎彧瑀𬭎昉婧煊韡祎𬸣㛃𬀩䴖𡐓"
_ASCII = "0123456789XABCDEFGHJKLMNPQRTUWY"
_FULL = "".join(chr(ord(c) + 0xFEE0) for c in _ASCII)
_TRADITIONAL = dict(
    zip(
        "国华军云红爱东龙静颖刘张陈杨孙赵兰凤宝义庆寿贵财树万丽伟强刚飞",
        "國華軍雲紅愛東龍靜穎劉張陳楊孫趙蘭鳳寶義慶壽貴財樹萬麗偉強剛飛",
        strict=True,
    )
)
_KANGXI = dict(zip("高文山马玉金生田石方白立心风龙青音香", "⾼⽂⼭⾺⽟⾦⽣⽥⽯⽅⽩⽴⼼⻛⻰⻘⾳⾹", strict=True))
_HOMOPHONE = dict(
    zip(
        "伟华英志芳莉静萍红涛明丽桂张艳林佳颖敏玲宇凯文欣",
        "玮花瑛智方丽婧平宏滔鸣莉贵章燕琳嘉影民琳雨楷雯新",
        strict=True,
    )
)
_RARE_LOOKS = dict(
    zip("玥喆堃龑䶮昇淼頔垚燚昉彧𬭎珺琎翀瑀婧煊祎", "月哲坤䶮龑升渺迪尧焱舫或宏君进冲禹靖宣袆", strict=True)
)
_RARE_SOUNDS = dict(
    zip("玥喆堃龑䶮昇淼頔𬭎", ("yue", "zhe", "kun", "yan", "yan", "sheng", "miao", "di", "hong"), strict=True)
)
_OLD_ROADS = {"港城": "滨海", "迎春": "新桥", "观海": "东外环", "府前": "政府前", "学府": "师范", "振华": "农机"}
_NOTES = ("（大）", "（小）", "(临时)", "（外出）", "(大)", "（残）", "(代)")
_SEXES = {"1": "男", "2": "女", "男": "1", "女": "2", "男性": "男", "女性": "女", "M": "男", "F": "女"}
_ETHNIC = {"01": "汉族", "02": "蒙古族", "03": "回族", "05": "维吾尔族", "10": "朝鲜族", "11": "满族", "15": "土家族"}


@dataclass(frozen=True)
class Defect:
    """A declared defect: its kind and its share of the cells it applies to."""

    kind: str
    rate: float
    recoverable: bool | None = None
    """Where another column of the row still says what was lost; None: as usual for the kind."""

    urban: bool = False
    """Only towns' addresses can have it: the rate is that of a city with TOWN_SHARE of its houses in towns."""

    def rate_in(self, town_share: float) -> float:
        """The rate where so many of the houses are in towns, so that a file has as much damage in any city."""
        if not (self.urban or self.kind in _URBAN):
            return self.rate
        return self.rate * min(3.0, TOWN_SHARE / max(town_share, 0.1))


@dataclass(frozen=True)
class Log:
    """Damaged cells of one column and kind: positions in the chunk, texts, and what may be done about them."""

    at: Indices
    column: str
    kind: str
    original: pl.Series
    damaged: pl.Series
    recoverable: bool
    quarantine: str


# ---- expressions ------------------------------------------------------------------------------------------
_T = pl.col("t")
_R = pl.col("r")
_COMPACT = _T.str.replace_all(r"\D", "").str.slice(0, 8).str.to_date("%Y%m%d", strict=False)
_YMD = [_T.str.extract(r"^(\d{4})/(\d{1,2})/(\d{1,2})$", i + 1).cast(pl.Int32) for i in range(3)]
_DAY = pl.when(_YMD[0].is_not_null()).then(pl.date(*_YMD)).otherwise(_COMPACT)
_IS_18_DIGITS = _T.str.contains(r"^\d{18}$")


def _one_of(*choices: pl.Expr | str) -> pl.Expr:
    """One of some expressions or texts, by the random number."""
    result: pl.Expr = pl.lit(None, dtype=pl.String)
    for i, choice in enumerate(choices):
        one = pl.lit(choice) if isinstance(choice, str) else choice
        result = pl.when(len(choices) * (_R // len(choices)) + i == _R).then(one).otherwise(result)
    return result


def _swapped_for(*texts: str, old: str) -> pl.Expr:
    """`old` replaced by one of some texts."""
    return _one_of(*[_T.str.replace(old, text, literal=True) for text in texts])


def _first_found(table: dict[str, str]) -> pl.Expr:
    """The text with the first entry of the table that it holds replaced; null where it holds none."""
    result: pl.Expr = pl.lit(None, dtype=pl.String)
    for old, new in reversed(table.items()):
        found = _T.str.contains(old, literal=True)
        result = pl.when(found).then(_T.str.replace(old, new, literal=True)).otherwise(result)
    return result


def _other_digit() -> pl.Expr:
    """Another digit at one of the places 12 to 17: MOD 11-2 and MOD 31 both notice any single change."""
    at = 11 + _R % 6
    digit = _T.str.slice(at, 1).cast(pl.Int64, strict=False)
    other = ((digit + 1 + (_R // 6) % 9) % 10).cast(pl.String)
    return pl.when(_T.str.len_chars() >= 18).then(_T.str.slice(0, at) + other + _T.str.slice(at + 1))


def _exchanged() -> pl.Expr:
    """Two neighbours exchanged, where they differ; the check digit then fails for certain."""
    at = 9 + _R % 7
    a, b = _T.str.slice(at, 1), _T.str.slice(at + 1, 1)
    return pl.when(a != b).then(_T.str.slice(0, at) + b + a + _T.str.slice(at + 2))


def _lost_digit() -> pl.Expr:
    at = pl.when(_R % 2 == 0).then(17).otherwise(10 + _R % 6)
    return _T.str.slice(0, at) + _T.str.slice(at + 1)


def _lost_character() -> pl.Expr:
    """A rare character that became a mark, nothing, or its sound in Latin letters."""
    marks = [_T.str.replace(f"[{RARE_CHARACTERS}]", mark) for mark in ("?", "■", "□", "*", "")]
    return _one_of(*marks, _first_found(_RARE_SOUNDS))


def _office() -> pl.Expr:
    """The town said as its office: 街道办事处, 镇政府."""
    street = _T.str.replace("街道", "街道办事处", literal=True)
    town = _T.str.replace(r"([市区][^市区]{2,4})镇", "${1}镇政府")
    return pl.when(_T.str.contains(r"^.{0,16}街道")).then(street).otherwise(town)


def _other_name() -> pl.Expr:
    """A firm's name as another office writes it."""
    tail = _T.str.replace("有限公司", "有限责任公司", literal=True)
    short = _T.str.replace("有限公司", "公司", literal=True)
    none = _T.str.replace(r"有限(责任)?公司$", "")
    bare = _T.str.strip_prefix("烟台市").str.strip_prefix("烟台")
    city = pl.when(_T.str.starts_with("烟台市")).then("烟台" + bare).otherwise("烟台市" + bare)
    return _one_of(tail, short, none, city, city.str.replace("有限公司", "公司", literal=True))


def _in_ten_thousands() -> pl.Expr:
    """An amount in yuan written in 万元 with its unit behind it."""
    yuan = _T.str.replace_all(",", "").cast(pl.Float64, strict=False)
    text = (yuan / 10_000).round(2).cast(pl.String).str.replace(r"\.(\d)$", ".${1}0") + "万元"
    return pl.when(_T.str.contains(",", literal=True)).then(text)


_FULL_WIDTH = _T.str.replace_many(list(_ASCII), list(_FULL))
_PADDED = (_T + " ", _T + "\t", _T + "\u3000", " " + _T)
_MIDDLE_SPACE = (
    pl.when(_T.str.len_chars() == 2).then(_T.str.slice(0, 1) + "\u3000" + _T.str.slice(1)).otherwise(_T + " ")
)
_SPLIT_NUMBER = _T.str.slice(0, 6) + " " + _T.str.slice(6, 8) + " " + _T.str.slice(14)
_ETHNIC_NAME = _T.replace_strict(_ETHNIC, default=None, return_dtype=pl.String)
_ROADS = {f"{new}{tail}": f"{old}{tail}" for new, old in _OLD_ROADS.items() for tail in ("路", "街")}

DAMAGES: dict[str, pl.Expr] = {
    # identity numbers and credit codes
    "id_15_digit": pl.when(_T.str.slice(6, 2) == "19").then(_T.str.slice(0, 6) + _T.str.slice(8, 9)),
    "id_lower_x": _swapped_for("x", "ｘ", "×", "ⅹ", "x", old="X"),
    "id_star_x": _swapped_for("*", old="X"),
    "id_fullwidth": _FULL_WIDTH,
    "id_spaces": _one_of(" " + _T, _T + " ", _T + "\u3000", _SPLIT_NUMBER),
    "id_apostrophe": "'" + _T,
    "id_bad_check": _other_digit(),
    "id_transposed": _exchanged(),
    "id_short": _lost_digit(),
    "id_excel_000": pl.when(_IS_18_DIGITS).then(_T.str.slice(0, 15) + "000"),
    "id_excel_float": pl.when(_IS_18_DIGITS).then(
        _T.cast(pl.Int64, strict=False).cast(pl.Float64).cast(pl.Int64).cast(pl.String)
    ),
    "cut_at_field_width": _FULL_WIDTH.str.slice(0, 10),
    "id_dot_zero": _T + ".0",
    "id_sci_text": pl.when(_IS_18_DIGITS).then(_T.str.slice(0, 1) + "." + _T.str.slice(1, 5) + "E+17"),
    "id_null_word": _one_of(*NULL_WORDS, "无身份证号码"),
    "id_missing_child": _one_of(*NULL_WORDS, ""),
    "uscc_lower": _T.str.to_lowercase(),
    "uscc_letter_o_i": _T.str.replace_many(["0", "1"], ["O", "I"]),
    "uscc_bad_check": _other_digit(),
    "uscc_spaces": _one_of(" " + _T, _T + " "),
    "uscc_blank": pl.lit(""),
    "org_name_variant": _other_name(),
    # names
    "name_space": _one_of(_T + "\u3000", _MIDDLE_SPACE, _T + " ", " " + _T, _MIDDLE_SPACE),
    "name_dot": _swapped_for("•", "・", ".", "－", "", old="·"),
    "name_note": _T + _one_of(*_NOTES),
    "name_rare_variant": _first_found(_RARE_LOOKS),
    "name_rare_lost": _lost_character(),
    "name_homophone": _first_found(_HOMOPHONE),
    "name_traditional": _first_found(_TRADITIONAL),
    "name_kangxi": _first_found(_KANGXI),
    # telephones
    "phone_dash": _T.str.slice(0, 3) + "-" + _T.str.slice(3, 4) + "-" + _T.str.slice(7),
    "phone_old7": "6" + _T.str.slice(-6),
    "phone_prefix": _one_of("0" + _T, "+86" + _T, "86-" + _T),
    "phone_short": _T.str.slice(0, 10),
    # dates
    "date_other_format": _one_of(
        *[_DAY.dt.strftime(form) for form in ("%Y.%m.%d", "%Y/%-m/%-d", "%Y年%-m月%-d日", "%Y%m%d", "%Y-%m-%d")]
    ),
    "date_serial": (_DAY.cast(pl.Int32) + 25569).cast(pl.String),
    "date_month_only": _DAY.dt.strftime("%Y.%-m"),
    "date_dmy": _DAY.dt.strftime("%d/%m/%Y"),
    "date_impossible": _DAY.dt.strftime("%Y-02-30"),
    "date_two_digit_year": _DAY.dt.strftime("%y.%-m.%-d"),
    "date_with_time": _DAY.dt.strftime("%Y-%m-%d 00:00:00"),
    # addresses
    "addr_no_province": _T.str.replace(r"^(山东省)?烟台市", ""),
    "addr_office": _office(),
    "addr_old_name": _first_found(_ROADS),
    "addr_repeat_head": _T.str.replace(r"^(山东省烟台市|烟台市)", "${1}${1}"),
    "addr_dashes": _T.str.replace(r"(\d+)号楼(\d+)单元(\d+)号$", "${1}-${2}-${3}"),
    "addr_hash": _one_of(*[_T.str.replace(r"(\d+)号楼", f"${{1}}{mark}") for mark in ("#楼", "#", "栋", "幢", "#楼")]),
    # codes and anything else
    "sex_other_code": _T.replace_strict(_SEXES, default=None, return_dtype=pl.String),
    "sex_unknown": _one_of("未知", "9", ""),
    "ethnic_as_text": _one_of(_ETHNIC_NAME, _ETHNIC_NAME.str.strip_suffix("族")),
    "leading_zero_lost": _T.str.replace(r"^0+(\d)", "${1}"),
    "age_not_matching": (_T.cast(pl.Int64, strict=False) + (_R % 2) * 2 - 1).cast(pl.String),
    "null_word": _one_of(*NULL_WORDS),
    "blank": pl.lit(""),
    "negative_in_brackets": pl.when(_T.str.starts_with("-")).then("(" + _T.str.slice(1) + ")"),
    "unit_in_value": _in_ten_thousands(),
    "negative_reading": pl.when(_T.str.contains(r"[1-9]")).then("-" + _T),
    "fullwidth": _FULL_WIDTH,
    "spaces": _one_of(*_PADDED),
}

_LOST = frozenset(
    [
        "id_bad_check",
        "id_transposed",
        "id_short",
        "id_excel_000",
        "id_excel_float",
        "id_null_word",
        "id_sci_text",
        "id_missing_child",
        "id_of_relative",
        "org_name_variant",
        "date_two_digit_year",
        "negative_reading",
        "zero_coordinates",
        "undecodable_bytes",
        "char_lost_in_gbk",
        "cut_at_field_width",
        "name_rare_variant",
        "name_rare_lost",
        "name_homophone",
        "phone_old7",
        "phone_short",
        "null_word",
        "blank",
        "sex_unknown",
        "date_impossible",
        "date_month_only",
        "age_not_matching",
        "uscc_bad_check",
        "uscc_blank",
        "ragged_missing_fields",
        "ragged_extra_field",
        "truncated_line",
    ]
)
_REFUSED_KEYS = frozenset({"id_bad_check", "id_transposed", "id_short", "uscc_bad_check"})
_DOUBTFUL_KEYS = frozenset(
    {
        "id_excel_000",
        "id_excel_float",
        "id_sci_text",
        "id_null_word",
        "id_of_relative",
        "uscc_blank",
        "null_word",
        "blank",
    }
)
_REFUSED_ROWS = frozenset({"ragged_missing_fields", "ragged_extra_field", "truncated_line"})
_DOUBTFUL_ROWS = frozenset({"duplicate_exact", "date_impossible", "undecodable_bytes", "other_encoding"})


def recoverable(kind: str) -> bool:
    """Whether the original text follows from the damaged one and the rest of the row."""
    return kind not in _LOST


def quarantine(kind: str, *, in_key: bool = False, in_number: bool = False) -> str:
    """yes, maybe or no, by the field survey: a contradictory key or shifted fields make a row untrustworthy.

    A wrong number beside a sound key of its own (`in_number`) may be treated either way.
    """
    if in_number and kind in _REFUSED_KEYS | _DOUBTFUL_KEYS:
        return "maybe"
    if kind in _REFUSED_ROWS or (in_key and kind in _REFUSED_KEYS):
        return "yes"
    if kind in _DOUBTFUL_ROWS or (in_key and kind in _DOUBTFUL_KEYS):
        return "maybe"
    return "no"


# ---- the engine -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Luck:
    """How the rows of a chunk are drawn: by their ids, in some rows (`touched`) anew in this period."""

    draw: Draw
    stream: str
    ids: Ints
    period: int
    touched: Indices

    @staticmethod
    def of(draw: Draw, source: str, ids: Ints, period: int) -> Luck:
        """The luck of a chunk of a source."""
        stream = f"defect/{source}"
        none = np.zeros(0, dtype=np.int64)
        touched = np.flatnonzero(draw.chance(f"{stream}/touched/{period}", ids, REDRAWN)) if period > 1 else none
        return Luck(draw, stream, ids, period, touched)

    def hits(self, name: str, rate: float) -> Bools:
        """Rows that are hit by something that hits `rate` of them."""
        hit = self.draw.chance(f"{self.stream}/{name}", self.ids, rate)
        if len(self.touched):
            hit[self.touched] = self.draw.chance(f"{self.stream}/{name}/{self.period}", self.ids[self.touched], rate)
        return hit


def positions(at: Indices) -> pl.Series:
    """Positions as an index column."""
    return pl.Series(at.astype(np.uint32))


def replace_at(text: pl.Series, at: Indices, new: pl.Series) -> pl.Series:
    """A copy of the column with some cells replaced."""
    return text.clone().scatter(positions(at), new)


def hurt_column(
    luck: Luck,
    column: str,
    text: pl.Series,
    defects: Sequence[Defect],
    *,
    in_key: bool,
    in_number: bool = False,
    hurt: Sequence[Indices] = (),
    town_share: float = TOWN_SHARE,
) -> tuple[pl.Series, list[Log]]:
    """Applies the defects of one column, at most one to a cell; gives the column and what was done to it.

    hurt: positions of cells that are damaged already
    """
    logs: list[Log] = []
    taken = (text == "").to_numpy(writable=True)
    for at in hurt:
        taken[at] = True
    for defect in defects:
        name = f"{column}/{defect.kind}"
        at = np.flatnonzero(luck.hits(name, defect.rate_in(town_share)) & ~taken)
        if not len(at):
            continue
        how = luck.draw.below(f"{luck.stream}/{name}/how", luck.ids[at], 1_000_000)
        cells = pl.DataFrame({"at": at, "t": text.gather(positions(at)), "r": how})
        cells = cells.with_columns(d=DAMAGES[defect.kind]).filter(pl.col("d").is_not_null() & (pl.col("d") != _T))
        if cells.height:
            at = cells["at"].to_numpy()
            taken[at] = True
            verdict = quarantine(defect.kind, in_key=in_key, in_number=in_number)
            can = recoverable(defect.kind) if defect.recoverable is None else defect.recoverable
            logs.append(Log(at, column, defect.kind, cells["t"], cells["d"], can, verdict))
    if logs:
        where = np.concatenate([log.at for log in logs])
        text = replace_at(text, where, pl.concat([log.damaged for log in logs]))
    return text, logs
