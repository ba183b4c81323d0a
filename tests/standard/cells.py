"""Seeded random cells of every kind: sound values, every kind of damage to them, and plain nonsense."""

# ruff: noqa: PLR0911 — one return for each kind of fault

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.standard import reference as ref

Make = Callable[[random.Random], str]

SPACES = " \u3000\u00a0\t\n\r\u2003\u2028\u200b\ufeff\u200e\x00\x07\x1f\x7f\x85\u00ad"
SIGNS = "'’`\"“＇.．-－—–/,，、;；:：()（）[]【】*＊?？#＃xXｘ×ⅹEe+＋~·•・￥%"
NULLS = [
    "无",
    "-",
    "—",
    "不详",
    "NULL",
    "null",
    "N/A",
    "0000",
    "/",
    "空",
    "暂无",
    "无身份证号码",
    "None",
    "NaN",
    "0",
    "．",
    "--",
    "未知",
    "#N/A",
    "nUlL",
]
HAN = "张王李刘陈杨赵黄周吴徐孙马朱胡林郭何高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶玥昉喆堃䶮伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂"
TRADITIONAL = "劉張陳楊趙黃吳孫馬羅鄭許鄧馮韓蕭葉偉娜麗強軍洋艷傑濤蘭華國龍鳳"


def pick(r: random.Random, text: str | list[str]) -> str:
    return text[r.randrange(len(text))]


def digits(r: random.Random, n: int) -> str:
    return "".join(pick(r, "0123456789") for _ in range(n))


def day(r: random.Random) -> tuple[int, int, int]:
    return (
        r.choice([1895, 1949, 1970, 1999, 2000, 2004, 2026, r.randint(1890, 2030)]),
        r.randint(1, 12),
        r.choice([1, 9, 12, 28, 29, 30, 31]),
    )


def citizen_id(r: random.Random) -> str:
    y, m, d = day(r)
    body = (
        r.choice(["370602", "370681", "110105", "510202", "810000", "830000", "650102"])
        + f"{y}{m:02d}{d:02d}"
        + digits(r, 3)
    )
    whole = body + ref.mod11_2(body)
    roll = r.random()
    if roll < 0.06:
        return whole[:15] + "000"
    if roll < 0.12:
        return str(int(float(whole.replace("X", "0"))))
    if roll < 0.15:
        return f"{float(whole.replace('X', '0')):.5E}"
    if roll < 0.25:
        return whole[:6] + whole[8:17]
    if roll < 0.30:
        return whole[:17] + pick(r, "*＊xｘ×ⅹХ")
    if roll < 0.32:
        return whole[:6] + "1999" + pick(r, ["0230", "1301", "0001", "0431"]) + digits(r, 4)
    return whole


def certificate(r: random.Random) -> str:
    return citizen_id(r) + pick(r, "123456789") + pick(r, "12345") + pick(r, ["", "", "", "B", "B1", "b2", "C"])


def document(r: random.Random) -> str:
    return r.choice(
        [
            citizen_id(r), "E" + digits(r, 8), "H" + digits(r, 8), "M" + digits(r, 10), digits(r, 8), digits(r, 10) + "A",
            "USA" + digits(r, 12), "9" + digits(r, 17), "G" + digits(r, 7), digits(r, r.randint(4, 20)),
        ]
    )  # fmt: skip


def uscc(r: random.Random) -> str:
    org = "".join(pick(r, ref.USCC) for _ in range(8))
    head = pick(r, "159NYA") + pick(r, "1239A") + "370602" + org + ref.gb11714(org)
    total = sum(ref.USCC.index(ch) * pow(3, i, 31) for i, ch in enumerate(head))
    code = head + ref.USCC[-total % 31]
    roll = r.random()
    if roll < 0.2:
        swap = {"0": "O", "1": "I", "5": "S", "2": "Z", "U": "V"}
        return "".join(swap[ch] if ch in swap and r.random() < 0.3 else ch for ch in code)
    if roll < 0.3:
        return code[8:17]
    if roll < 0.35:
        return digits(r, 15)
    return code


def org_code(r: random.Random) -> str:
    body = "".join(pick(r, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(8))
    return body + pick(r, ["", "-"]) + (ref.gb11714(body) if r.random() < 0.8 else pick(r, "0123456789X"))


def phone(r: random.Random) -> str:
    mobile = "1" + pick(r, "3456789") + digits(r, 9)
    fixed = pick(r, "2345678") + digits(r, r.choice([6, 7]))
    area = r.choice(["0535", "010", "021", "0951", "535", "10"])
    return r.choice(
        [
            mobile, mobile, f"{mobile[:3]}-{mobile[3:7]}-{mobile[7:]}", "0" + mobile, "86" + mobile, "+86" + mobile,
            "86-" + mobile, "+86-" + mobile, "0086" + mobile, area + "-" + fixed, area + fixed, f"({area}){fixed}",
            f"{area}-{fixed}-{digits(r, r.randint(1, 7))}", "86-535-" + fixed, "+86535" + fixed, fixed,
            fixed[:3] + "-" + fixed[3:], mobile[:10], mobile + digits(r, 1), "400" + digits(r, 7), "400-" + digits(r, 3) + "-" + digits(r, 4),
            pick(r, ["110", "12345", "95588", "955888", "119", "10086", "1", "12"]), mobile + pick(r, "/、;，,") + fixed,
            area + "-" + fixed + "/" + mobile, "+852" + digits(r, 8), "+1" + digits(r, 10), mobile[:3] + "****" + mobile[7:],
            f"{float(mobile):.5E}", mobile + ".0", fixed + "转" + digits(r, 3), area + "-" + fixed + "转" + digits(r, 3),
            mobile + "(" + pick(r, HAN) + ")",
        ]
    )  # fmt: skip


def person_name(r: random.Random) -> str:
    han = "".join(pick(r, HAN) for _ in range(r.choice([1, 2, 2, 3, 3, 3, 4])))
    long = "".join(pick(r, HAN) for _ in range(2)) + pick(r, "·•・．.－-‧∙ ") + "".join(pick(r, HAN) for _ in range(3))
    old = "".join(pick(r, HAN + TRADITIONAL * 2) for _ in range(3))
    return r.choice(
        [
            han, han, han, long, long, old, han[:1] + " " + han[1:], han + pick(r, ["（已故）", "(大)", "【临时】", "[户主", "(男"]),
            han[:-1] + pick(r, "?？□■*＊〇\ue86c\ue863⽂⾼"), han[:-1] + pick(r, ["hong", "Kan", " li"]), "SMITH JOHN", "MÜLLER  Anna",
            "Ａｎｎａ", pick(r, ["⼭", "⾼", "⺠", "⻰", "豈", "\U0002f800"]) + han, han[0] + pick(r, ["先生", "女士", "某", "某某"]),
            "匿名", han + digits(r, 1), citizen_id(r), "𡐓" + han, han + "、" + han, "一" + "十" * r.randint(0, 2),
        ]
    )  # fmt: skip


def org_name(r: random.Random) -> str:
    han = "".join(pick(r, HAN + TRADITIONAL) for _ in range(r.randint(1, 8)))
    return r.choice(
        [
            han,
            f"烟台{han}有限公司",
            f"烟台({han})公司",
            f"{han}（{han}）厂",
            f"ＡＢ1 {han}",
            f"{han} A B C",
            f"{han}•{han}",
            f"{han}□",
            han + "。",
        ]
    )


def date_text(r: random.Random) -> str:
    y, m, d = day(r)
    if r.random() < 0.05:
        m, d = r.choice([(13, 1), (2, 30), (0, 5), (5, 0), (6, 31)])
    n = "〇一二三四五六七八九"
    han_year = "".join(n[int(c)] for c in str(y))
    han = ["", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二"]
    tens = ["", "十", "二十", "三十"][d // 10] + ["", *n[1:]][d % 10]
    return r.choice(
        [
            f"{y}{m:02d}{d:02d}", f"{y}-{m:02d}-{d:02d}", f"{y}/{m}/{d}", f"{y}.{m:02d}.{d:02d}", f"{y}.{m}.{d}", f"{y}年{m}月{d}日",
            f"{y}年{m:02d}月{d:02d}日", f"{y % 100:02d}.{m}.{d}", f"{d:02d}/{m:02d}/{y}", f"{m}/{d}/{y}", str(r.randint(10000, 60000)),
            f"{y}-{m:02d}-{d:02d} 00:00:00", f"{y}.{m}", f"{y}年{m}月", str(y), f"{y}-{m:02d}-{d:02d}T{r.randint(0, 23):02d}:{r.randint(0, 59):02d}:00+08:00",
            f"{y}-{m:02d}-{d:02d}T{r.randint(0, 25):02d}:10:20Z", f"{han_year}年{han[m] if m < 13 else '十三'}月{tens}日", f"{y}-{m}-{d} 星期{pick(r, '一二三四五六日')}",
            f"{r.randint(20000, 50000)}.{digits(r, 2)}", f"{y}\\{m}\\{d}", f"{y}-{m:02d}", "00000000", "1900-01-00", f"{y}{m:02d}", f"{y}年{m}月{d}号",
        ]
    )  # fmt: skip


def zone(r: random.Random) -> str:
    return r.choice(
        [
            "",
            "Z",
            "+08",
            "+0800",
            " +08:00",
            "-0500",
            "-05:00",
            "-05",
            f"-{r.randint(0, 23):02d}:{r.randint(0, 59):02d}",
            f"-{digits(r, 3)}",
        ]
    )


def moment_text(r: random.Random) -> str:
    y, m, d = day(r)
    h, minute, s = r.randint(0, 24), r.randint(0, 60), r.randint(0, 60)
    return r.choice(
        [
            f"{y}-{m:02d}-{d:02d} {h:02d}:{minute:02d}:{s:02d}", f"{y}/{m:02d}/{d:02d} {h}:{minute:02d}", f"{y}年{m:02d}月{d:02d}日 {h:02d}时{minute:02d}分",
            f"{y}-{m:02d}-{d:02d}T{h:02d}:{minute:02d}:{s:02d}+08:00", f"{y}-{m:02d}-{d:02d}T{h:02d}:{minute:02d}:{s:02d}Z", f"{y}年{m}月{d}日{h}点{minute}分{s}秒",
            f"{y}-{m:02d}-{d:02d}T{h:02d}:{minute:02d}:{s:02d}.{digits(r, 3)}-0500", date_text(r), f"{y}{m:02d}{d:02d} {h:02d}:{minute:02d}:{s:02d}{zone(r)}",
            f"{y}-{m:02d}-{d:02d} {h:02d}:{minute:02d}:{s}{pick(r, '.,．')}{digits(r, r.randint(1, 9))}{zone(r)}", f"{y}-{m:02d}-{d:02d}{pick(r, 'T ')}{h:02d}:{minute:02d}{zone(r)}", f"{y}.{m}.{d} {h:02d}:{minute:02d}",
        ]
    )  # fmt: skip


def month_text(r: random.Random) -> str:
    y, m, _ = day(r)
    return r.choice(
        [
            f"{y}-{m:02d}",
            f"{y}.{m}",
            f"{y}.{m:02d}",
            f"{y}{m:02d}",
            f"{y}年{m}月",
            f"{y}/{m}",
            date_text(r),
            f"{y}.1",
            f"{y}.13",
            f"{y}.0",
        ]
    )


def sex(r: random.Random) -> str:
    return pick(
        r,
        [
            "1",
            "2",
            "男",
            "女",
            "男性",
            "女性",
            "M",
            "F",
            "m",
            "0",
            "9",
            "3",
            "未知",
            "未说明",
            "不详",
            "01",
            "1.0",
            "1-男",
            "U",
            "男 ",
            "无",
        ],
    )


def ethnic(r: random.Random) -> str:
    return pick(
        r,
        [
            "01",
            "1",
            "汉",
            "汉族",
            "HA",
            "ha",
            "满族",
            "满",
            "56",
            "57",
            "97",
            "00",
            "0",
            "001",
            "097",
            "01汉族",
            "1汉",
            "2-汉族",
            "维族",
            "其他",
            "未知",
            "2.0",
            digits(r, 2),
            "蒙古",
            "蒙",
            "穿青人",
        ],
    )


def code(r: random.Random) -> str:
    return pick(
        r,
        [
            "10",
            "20",
            "1",
            "01",
            "初婚",
            "已婚",
            "已婚 ",
            "x",
            "X",
            "10.0",
            "ab",
            "AB",
            "",
            "30",
            "９",
            "90",
            digits(r, 3),
            "无",
        ],
    )


def area(r: random.Random) -> str:
    base = r.choice(["370602", "370681", "110105", "990000", "000000"])
    return r.choice(
        [
            base,
            base + digits(r, 3),
            base + digits(r, 6),
            base + "000000",
            base + digits(r, 9),
            base + digits(r, 6) + "000",
            f"{float(base + digits(r, 6)):.5E}",
            base + "000",
            digits(r, 12),
        ]
    )


def grid(r: random.Random) -> str:
    body = r.choice(["010101", "120101", "000000"]) + "370602" + digits(r, 6) + r.choice(["00", "01", digits(r, 2)])
    return r.choice([body, body, body[1:], body[1:15] + "00000", body + "0", f"{float(body):.5E}"])


def house(r: random.Random) -> str:
    body = r.choice(["370602", "370681", "000000"]) + digits(r, 6) + r.choice(["00000001", "00100000", digits(r, 8)])
    return r.choice([body, body, body[:-1], body[:15] + "00000", body + "0", f"{float(body):.5E}"])


def industry(r: random.Random) -> str:
    return r.choice(
        [
            digits(r, 4),
            digits(r, 3),
            digits(r, 2),
            pick(r, "ATUZ"),
            pick(r, "ATUZ") + digits(r, 4),
            "A-" + digits(r, 4),
            "A01",
            "0000",
            "111",
        ]
    )


def card(r: random.Random) -> str:
    body = r.choice(["622202", "621700", "436742", "955880", "0123"]) + digits(r, r.randint(6, 13))
    for last in "0123456789":
        if ref.luhn(body + last) and r.random() < 0.9:
            body += last
            break
    return r.choice(
        [
            body,
            body,
            body[:15] + "0" * len(body[15:]),
            " ".join(body[i : i + 4] for i in range(0, len(body), 4)),
            body[:6] + "****" + body[-4:],
        ]
    )


def number(r: random.Random) -> str:
    whole = r.choice([digits(r, r.randint(1, 7)).lstrip("0") or "0", f"{r.randint(0, 10**8):,}"])
    whole += r.choice(["", "", "." + digits(r, r.randint(1, 3)), ".", "." + digits(r, 8)])
    return r.choice(
        [
            whole,
            whole,
            "-" + whole,
            f"({whole})",
            whole + "-",
            "+" + whole,
            f"-({whole})",
            "1,23",
            "1.2.3",
            f"{r.random() * 1e6:.3E}",
            "." + digits(r, 2),
            "1234,567",
            digits(r, 25),
        ]
    )


def amount(r: random.Random) -> str:
    n = number(r)
    return r.choice(
        [
            n,
            n,
            n + pick(r, ["万元", "元", "亿元", "万", "元整", "百万元", "美元", "人", " 万元"]),
            pick(r, ["￥", "¥", "$", "人民币", "RMB"]) + n,
        ]
    )


def counted(r: random.Random) -> str:
    return number(r) + pick(r, ["", "", "", ".0", "人", "户", " 人"])


def usage(r: random.Random) -> str:
    return number(r) + pick(r, ["", "", "", "吨", "m3", "kWh", "KWH", "度", "升", "M3"])


def coordinate(r: random.Random) -> str:
    lon, lat = 120 + r.random() * 3, 36 + r.random() * 3
    return r.choice(
        [
            f"{lon:.6f}",
            f"{lat:.6f}",
            "0",
            "0.0",
            f"{lon:.4f}°E",
            f"{int(lon)}°{r.randint(0, 59)}′{r.randint(0, 59)}″",
            f"东经{lon:.5f}",
            f"{lon:.6f}，{lat:.6f}",
            f"{int(lon)}度{r.randint(0, 59)}分{r.random() * 59:.2f}秒",
            f"{lon * 100000:.1f}",
            "-" + f"{lon:.3f}",
            f"{int(lon)}",
        ]
    )


def text(r: random.Random) -> str:
    words = [
        pick(r, ["老人", "ABC", "ａｂ", "独居", "，", "1", "  ", "。", "（备注）", "无"])
        for _ in range(r.randint(1, 5))
    ]
    return pick(r, ["", " "]).join(words)


def address(r: random.Random) -> str:
    return "".join(
        pick(
            r,
            [
                "山东省",
                "烟台市",
                "芝罘区",
                "工商大街",
                "85号",
                "８５号",
                "阳光府",
                "2#",
                "２＃",
                "1单元",
                "3-2-501",
                "３－２",
                " ",
                "　",
                "（东）",
                "A座",
                "。",
                "101",
                "KTV ",
                ",",
            ],
        )
        for _ in range(r.randint(1, 7))
    )


MAKERS: dict[str, Make] = {
    "citizen_id": citizen_id, "id_document": document, "disability_certificate": certificate, "uscc": uscc,
    "org_code": org_code, "phone": phone, "person_name": person_name, "org_name": org_name, "date": date_text,
    "timestamp": moment_text, "month": month_text, "sex": sex, "ethnic": ethnic, "code": code, "area_code": area,
    "grid_code": grid, "house_code": house, "industry_code": industry, "bank_card": card, "amount": amount,
    "decimal": number, "integer": counted, "usage": usage, "coordinate": coordinate, "text": text, "address": address,
}  # fmt: skip


def damage(r: random.Random, cell: str) -> str:
    """One more fault: a sign lost, doubled, exchanged, another width, something around or inside."""
    at = r.randrange(len(cell) + 1)
    wide = {b: a for a, b in ref.FULLWIDTH.items()}
    return r.choice(
        [
            lambda: cell[:at] + pick(r, SPACES) + cell[at:],
            lambda: pick(r, SPACES) + cell + pick(r, SPACES),
            lambda: cell[:at] + pick(r, SIGNS) + cell[at:],
            lambda: "'" + cell,
            lambda: cell + ".0",
            lambda: cell[:at] + cell[at + 1 :],
            lambda: cell[:at] + cell[at : at + 1] * 2 + cell[at + 1 :],
            lambda: cell[:at] + cell[at + 1 : at + 2] + cell[at : at + 1] + cell[at + 2 :],
            lambda: "".join(wide.get(ch, ch) for ch in cell),
            lambda: "".join(wide.get(ch, ch) if r.random() < 0.3 else ch for ch in cell),
            cell.lower,
            cell.upper,
            lambda: cell[:at] + pick(r, "0123456789") + cell[at + 1 :],
            lambda: cell[:at] + pick(r, HAN + "年月日万元" + "aZ") + cell[at:],
            lambda: pick(r, "(（[【") + cell + pick(r, ")）]】"),
        ]
    )()


def cells(kind: str, count: int, seed: int) -> Iterator[str]:
    """`count` cells: a third sound or of a typical fault, most of the rest with one to three more faults, some nonsense."""
    r = random.Random(f"{kind}/{seed}")
    make = MAKERS[kind]
    for _ in range(count):
        roll = r.random()
        if roll < 0.02:
            yield pick(r, NULLS)
        elif roll < 0.05:
            yield "".join(
                pick(r, SIGNS + SPACES + HAN + "0123456789" + "abcXYZ年月日") for _ in range(r.randint(0, 12))
            )
        else:
            cell = make(r)
            for _ in range(r.choice([0, 0, 1, 1, 1, 2, 3])):
                cell = damage(r, cell)
            yield cell


OPTIONS: dict[str, list[dict[str, Any]]] = {
    "id_document": [{}] + [{"document_type": t} for t in ("citizen_id", "passport", "hk_macau_permit", "taiwan_permit", "residence_permit", "foreign_permanent", "other")],
    "person_name": [{}, {"traditional": "simplify"}, {"traditional": "keep"}],
    "date": [{}, {"formats": ["YYYYMMDD"], "date_order": "dmy"}, {"epoch_1904": True, "formats": ["Y/M/D"]}],
    "month": [{}, {"formats": ["YYYY.M"]}, {"formats": ["YYYYMM"]}],
    "sex": [{}, {"codes": {"男": "1", "女": "2"}}, {"codes": {"0": "1", "1": "2"}}, {"codes": {"M": "1", "F": "2"}}],
    "code": [
        {}, {"codes": {"10": "10", "20": "20", "已婚": "20", "AB": "x"}, "width": 2}, {"width": 3}, {"pattern": "[A-Z0-9]{2,3}"},
        {"codes": {str(n): f"c{n}" for n in range(10, 60)}}, {"codes": {"10": "1"}, "open": True},
    ],
    "area_code": [{}, {"width": 12}, {"width": 6}],
    "industry_code": [{}, {"width": 4}],
    "amount": [{}, {"unit": "万元", "separators": True}],
    "decimal": [{}, {"scale": 2, "units": ["元", "m"], "min": 0, "max": 100000}],
    "integer": [{}, {"units": ["人", "户"], "min": 0}],
    "coordinate": [{"axis": "lon"}, {"axis": "lat"}, {"axis": "lon", "other": "'121.5'"}],
}  # fmt: skip
