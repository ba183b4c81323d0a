"""The standard data elements once more, in plain Python, written from the standards and from what each kind promises.

Nothing here is taken from the SQL: characters are looked at one by one, dates are built with `datetime`, numbers with
`decimal`. Each function takes the delivered text and its options and returns the standard value and what became of
the cell: None (already in the declared form, or empty), `standardised`, `repaired`, `nulled` or `kept`.
"""

# ruff: noqa: PLR0911, PLR0912 — one early return for each way a cell can be wrong

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import Any

Result = tuple[Any, str | None]
Opts = Mapping[str, Any]

SPACES = {
    chr(c)
    for c in (*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
}
INVISIBLE = {
    chr(c)
    for c in (
        *range(9), *range(14, 32), 0x7F, *range(0x80, 0x85), *range(0x86, 0xA0), 0xAD, 0x34F, 0x180E,
        *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF,
        *range(0xFE00, 0xFE10), *range(0xFFF9, 0xFFFC),
    )
}  # fmt: skip
QUOTES = set("'\"`´‘’“”′＇＂")
DASHES = set("﹣‐‑‒–—―−")
FULLWIDTH = {chr(0xFEE0 + c): chr(c) for c in range(0x21, 0x7F)}

NULL_WORDS = {
    "NULL",
    "NONE",
    "NIL",
    "NAN",
    "N/A",
    "#N/A",
    "#NULL!",
    "#VALUE!",
    "#REF!",
    "#DIV/0!",
    "#NAME?",
    "#NUM!",
    "<NA>",
    "<NULL>",
    "(NULL)",
    "[NULL]",
    "UNDEFINED",
    "(BLANK)",
    "无",
    "没有",
    "不详",
    "未知",
    "不明",
    "不清楚",
    "空",
    "空白",
    "为空",
    "暂无",
    "暂缺",
    "暂不详",
    "缺",
    "缺失",
    "未填",
    "未填写",
    "未填报",
    "未提供",
    "未登记",
    "未采集",
    "未录入",
    "未办理",
    "待补",
    "待补充",
    "待查",
    "待核实",
    "待定",
    "无身份证",
    "无身份证号",
    "无身份证号码",
    "无证",
    "无证件",
    "无证件号",
    "无证件号码",
    "无号码",
    "无号",
    "无电话",
    "无联系电话",
    "无手机",
    "无数据",
    "无信息",
    "无此项",
    "(无)",
    "[无]",
    "（无）",
    "/无",
    "无。",
}


def fold(ch: str) -> str:
    """One form of width: full-width ASCII, the many dashes, Chinese brackets and full stops."""
    if ch in DASHES:
        return "-"
    return {"。": ".", "﹒": ".", "【": "[", "】": "]", "〔": "[", "〕": "]"}.get(ch, FULLWIDTH.get(ch, ch))


def squeeze(text: str, more: Mapping[str, str] | None = None) -> str:
    """ASCII form without any space, invisible sign or quotation mark."""
    more = more or {}
    folded = (more.get(ch) or fold(ch) for ch in text)
    return "".join(ch for ch in folded if ch not in SPACES and ch not in INVISIBLE and ch not in QUOTES)


def tidy(text: str) -> str:
    """Invisible signs away, spaces to one, ends trimmed."""
    seen = "".join(" " if ch in SPACES else ch for ch in text if ch not in INVISIBLE)
    return " ".join(part for part in seen.split(" ") if part)


def is_null_word(text: str, opts: Opts, zeros: bool = True) -> bool:
    if not text or text.upper() in NULL_WORDS or text.upper() in {w.upper() for w in opts.get("null_words", ())}:
        return True
    if all(ch in "-—_/\\.,、。*?~·#" for ch in text):
        return True
    if zeros and set(text) <= set("0-/.:"):
        return all(part and set(part) == {"0"} for part in re.split("[-/.:]", text))
    return False


def drop_dot_zero(text: str) -> str:
    head, dot, tail = text.rpartition(".")
    return head if dot and set(tail) <= {"0"} else text


def digits(text: str) -> bool:
    return bool(text) and all("0" <= ch <= "9" for ch in text)


def nulled(raw: str | None) -> Result:
    return None, None if raw is None or raw == "" else "nulled"


# --- identity numbers -----------------------------------------------------------------------------------------------


def mod11_2(body: str) -> str:
    """ISO 7064 MOD 11-2 by its recursive definition (GB 11643 writes the value 10 as X)."""
    product = 10
    total = 0
    for ch in body:
        total = (total + int(ch)) * 2 % 11
    check = (12 - total) % 11
    return "X" if check == product else str(check)


def real_day(yyyymmdd: str) -> bool:
    try:
        return 1800 <= datetime.strptime(yyyymmdd, "%Y%m%d").year <= 2099
    except ValueError:
        return False


def sound_id(text: str) -> bool:
    return (
        len(text) == 18
        and text[0] != "0"
        and digits(text[:17])
        and mod11_2(text[:17]) == text[17]
        and real_day(text[6:14])
    )


LOOKS_LIKE_X = dict.fromkeys("ⅹⅩхХχΧ×✕✖╳乂㐅", "X")


def id_text(raw: str) -> str:
    return drop_dot_zero(squeeze(raw, LOOKS_LIKE_X).upper()).replace("-", "")


def id18(text: str) -> tuple[str | None, bool]:
    """The 18 characters and whether a rule had to restore them."""
    if sound_id(text):
        return text, False
    if len(text) == 18 and text[17] == "*" and sound_id(text[:17] + "X"):
        return text[:17] + "X", True
    if len(text) == 15 and digits(text) and text[0] != "0" and text[12:] < "996" and real_day("19" + text[6:12]):
        body = text[:6] + "19" + text[6:]
        return body + mod11_2(body), True
    return None, False


def citizen_id(raw: str | None, opts: Opts) -> Result:
    if not raw or is_null_word(id_text(raw), opts):
        return nulled(raw)
    value, restored = id18(id_text(raw))
    if value is None:
        return nulled(raw)
    if restored:
        return value, "repaired"
    if value != raw:
        return value, "standardised"
    return value, "kept" if value.endswith("000") else None


def disability_certificate(raw: str | None, opts: Opts) -> Result:
    if not raw or is_null_word(id_text(raw), opts):
        return nulled(raw)
    text = id_text(raw)
    number, rest = text[:18].replace("*", "X"), text[18:]
    if (
        text[:17].count("*")
        or not sound_id(number)
        or len(rest) < 2
        or rest[0] not in "1234567"
        or rest[1] not in "1234"
    ):
        return nulled(raw)
    if rest[2:] and not (rest[2] == "B" and (len(rest) == 3 or (len(rest) == 4 and digits(rest[3])))):
        return nulled(raw)
    value = number + rest
    if value == raw:
        return value, None
    return value, "repaired" if "*" in text else "standardised"


def id_document(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = squeeze(raw, LOOKS_LIKE_X)
    text = drop_dot_zero(text)
    text = "".join(ch for ch in text if ch not in "-()").upper()
    if is_null_word(text, opts):
        return nulled(raw)
    kind = opts.get("document_type", "unknown")
    alnum = all(ch in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" for ch in text)
    number, restored = id18(text)
    value: str | None = None
    if kind == "citizen_id" or (
        kind in ("residence_permit", "foreign_permanent") and len(text) == 18 and text[0] in "89" and digits(text[:17])
    ):
        value = number
    elif kind == "passport":
        value = text if alnum and 5 <= len(text) <= 17 and any(map(digits, text)) else None
    elif kind == "hk_macau_permit":
        value = text if text[0] in "HM" and digits(text[1:]) and len(text) in (9, 11) else None
    elif kind == "taiwan_permit":
        latin = len(text) == 11 and text[-1].isascii() and text[-1].isupper()
        value = text if (digits(text) and len(text) in (8, 10)) or (latin and digits(text[:10])) else None
    elif kind == "foreign_permanent":
        head = text[:3]
        value = text if len(text) == 15 and head.isascii() and head.isalpha() and digits(text[3:]) else None
    elif kind == "other":
        value = text if alnum and 4 <= len(text) <= 30 and any(map(digits, text)) else None
    elif kind == "unknown":
        shape = re.fullmatch(r"[1-9][0-9]{16}[0-9X*]|[1-9][0-9]{14}", text)
        value = number if shape else (text if re.fullmatch(r"[A-Z]{0,3}[0-9]{6,12}[A-Z]?", text) else None)
    if value is None:
        return nulled(raw)
    if value == raw:
        numbered = kind in ("citizen_id", "residence_permit", "foreign_permanent", "unknown") and len(value) == 18
        return value, "kept" if numbered and value.endswith("000") else None
    return value, "repaired" if restored and value == number else "standardised"


USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CONFUSED = {"O": "0", "I": "1", "S": "5", "Z": "2", "V": "U"}


def sound_uscc(text: str) -> bool:
    if len(text) != 18 or any(ch not in USCC for ch in text) or not digits(text[2:8]):
        return False
    total = sum(USCC.index(ch) * pow(3, i, 31) for i, ch in enumerate(text[:17]))
    return USCC[-total % 31] == text[17]


def gb11714(body: str) -> str:
    values = (int(ch, 36) for ch in body)
    check = 11 - sum(v * w for v, w in zip(values, (3, 7, 9, 10, 5, 8, 4, 2), strict=True)) % 11
    return {10: "X", 11: "0"}.get(check, str(check))


def uscc(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = drop_dot_zero(squeeze(raw)).replace("-", "").upper()
    if is_null_word(text, opts):
        return nulled(raw)
    if sound_uscc(text):
        return text, None if text == raw else "standardised"
    letters = sum(ch in CONFUSED for ch in text)
    better = "".join(CONFUSED.get(ch, ch) for ch in text)
    if 1 <= letters <= 3 and sound_uscc(better) and better[8:17][:8].isascii() and gb11714(better[8:16]) == better[16]:
        return better, "repaired"
    return nulled(raw)


def org_code(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = squeeze(raw).replace("-", "").upper()
    if is_null_word(text, opts):
        return nulled(raw)
    known = len(text) == 9 and all(ch in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" for ch in text)
    if not known or text[8] not in "0123456789X" or gb11714(text[:8]) != text[8]:
        return nulled(raw)
    return text, None if text == raw else "standardised"


# --- telephone ------------------------------------------------------------------------------------------------------


def is_mobile(text: str) -> bool:
    return len(text) == 11 and digits(text) and text[0] == "1" and text[1] in "3456789"


def split_fixed(text: str) -> str | None:
    """`0535-6612345-801` from area code without its 0, number, extension; None where it is no fixed number."""
    for size in (2, 3):
        area, rest = text[:size], text[size:]
        if len(area) < size or not digits(area):
            continue
        if size == 2 and not (area == "10" or area[0] == "2"):
            continue
        if size == 3 and area[0] not in "3456789":
            continue
        rest = rest.removeprefix("-")
        number, _, extension = rest.partition("-") if "-" in rest[8:] or "-" not in rest else ("", "", "")
        candidates = [(number, extension)]
        # the number itself may be written 661-2345 or 6612-3456
        for cut in (3, 4):
            if (
                rest[cut : cut + 1] == "-"
                and digits(rest[:cut])
                and digits(rest[cut + 1 : cut + 5])
                and len(rest) >= cut + 5
            ):
                tail = rest[cut + 5 :]
                candidates.append((rest[:cut] + rest[cut + 1 : cut + 5], tail.removeprefix("-")))
                if tail and not tail.startswith("-"):
                    candidates.pop()
        for length in (7, 8):
            if (
                digits(rest[:length])
                and len(rest[:length]) == length
                and (rest[length:] == "" or rest[length : length + 1] == "-")
            ):
                candidates.append((rest[:length], rest[length + 1 :]))
                if rest[length:] == "-":
                    candidates.pop()
        for number, extension in candidates:
            if len(number) in (7, 8) and digits(number) and number[0] in "2345678":
                if extension and not (digits(extension) and len(extension) <= 6):
                    continue
                return f"0{area}-{number}" + (f"-{extension}" if extension else "")
    return None


def phone_text(raw: str) -> str:
    """The number without what follows it: a number cell's .0, hyphens at the end."""
    text = squeeze(raw, {"转": "-"})
    return drop_dot_zero(text).rstrip("-")


def phone(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = "".join(ch for ch in phone_text(raw) if ch not in "()（）")
    if is_null_word(text, opts):
        return nulled(raw)
    if is_mobile(text):
        return text, None if text == raw else "standardised"
    plain = "".join(ch for ch in text if "0" <= ch <= "9")
    only_number = set(text) <= set("0123456789-+") and "+" not in text[1:]
    if only_number and mobile_shape(text):
        for prefix in ("", "0", "86", "0086"):
            if plain.startswith(prefix) and is_mobile(plain[len(prefix) :]):
                return plain[-11:], "standardised"
    fixed = fixed_phone(text) if only_number else None
    if fixed:
        return fixed, None if fixed == raw else "standardised"
    if re.fullmatch("[48]00(-?[0-9]{3}-?[0-9]{4}|-?[0-9]{4}-?[0-9]{3})", text):
        return plain, None if plain == raw else "standardised"
    if re.fullmatch("[3-9][0-9]{2}-?[2-8][0-9]{6}", text):
        return f"0{plain[:3]}-{plain[3:]}", "repaired"
    if re.fullmatch("[2-8][0-9]{2,3}-?[0-9]{4}", text):
        return plain, "kept"
    if digits(text) and (
        (text[0] == "1" and len(text) in (3, 5)) or (text[:2] in ("95", "96") and len(text) in (5, 6))
    ):
        return text, "kept"
    return foreign_or_several(raw, text)


def mobile_shape(text: str) -> bool:
    """Hyphens stand between digits of a mobile number or after its prefix, nowhere else in plenty."""
    rest = text
    for prefix in ("+86-", "+86", "0086-", "0086", "86-", "86", "0"):
        if rest.startswith(prefix) and (rest[len(prefix) :] or "x")[0] == "1":
            rest = rest[len(prefix) :]
            break
    if rest[:1] != "1" or rest[1:2] not in set("3456789"):
        return False
    body = rest[2:]
    three_four_four = re.fullmatch("[0-9]-?[0-9]{4}-?[0-9]{4}", body)
    return bool(three_four_four) or (9 <= len(body) <= 14 and set(body) <= set("0123456789-"))


def fixed_phone(text: str) -> str | None:
    for prefix in ("+86-0", "+86-", "+860", "+86", "0086-0", "0086-", "00860", "0086", "86-0", "86-", "0"):
        if text.startswith(prefix):
            found = split_fixed(text[len(prefix) :])
            if found:
                return found
    return None


def foreign_or_several(raw: str, text: str) -> Result:
    for prefix in ("+", "00"):
        rest = text.removeprefix(prefix)
        if text.startswith(prefix) and set(rest) <= set("0123456789-") and rest:
            if rest[0] in "12345679" and 7 <= len(rest) <= 15:
                return "+" + rest.replace("-", ""), "kept"
            if rest[0] == "8" and rest[1:2] in set("0123457" + "89") and 7 <= len(rest) <= 15:
                return "+" + rest.replace("-", ""), "kept"
    if any(ch in "/,;、|" for ch in text):
        for match in re.finditer("(?=(?:^|[^0-9])(?:86|0)?(1[3-9][0-9]{9})(?:[^0-9]|$))", text):
            if re.search("[0-9][/,;、|]+[^/,;、|]*[0-9]", text):
                return match.group(1), "kept"
    return nulled(raw)


# --- names ----------------------------------------------------------------------------------------------------------


def is_han(ch: str) -> bool:
    c = ord(ch)
    return c == 0x3007 or 0x3400 <= c <= 0x4DBF or 0x4E00 <= c <= 0x9FFF or 0x20000 <= c <= 0x323AF


NAME_WIDTH = {ch: FULLWIDTH[ch] for ch in FULLWIDTH if FULLWIDTH[ch].isalnum() or FULLWIDTH[ch] in "-#./&+@?*()[]"}
NAME_WIDTH |= dict.fromkeys(DASHES, "-") | {"﹟": "#", "【": "[", "】": "]", "〔": "[", "〕": "]"}
NAME_DOTS = set("•‧・･∙⋅●․．－·᐀᛫⸱.-") | {"\u0387", "\u1427"}
NAME_DOTS.discard("᐀")
OPENING, CLOSING = set("([<（《"), set(")]>）》")
ANONYMOUS = {"匿名", "匿名者", "匿名人", "保密", "不愿透露", "不愿透露姓名", "不便透露"}
LOST = set("?？*＊□■▢◻◼▯▮〓○◇◆\ufffd_#")


def without_notes(text: str) -> str:
    out, inside = [], False
    for ch in text:
        if inside:
            inside = ch not in CLOSING
        elif ch in OPENING:
            inside = True
        else:
            out.append(ch)
    return "".join(out)


def close_han_gaps(text: str) -> str:
    """Spaces go where a sign beyond ASCII stands on either side."""
    out: list[str] = []
    for part in re.split("( +)", text):
        out.append(part)
    for i in range(1, len(out) - 1, 2):
        left, right = out[i - 1][-1:], out[i + 1][:1]
        if (left and ord(left) > 127) or (right and ord(right) > 127):
            out[i] = ""
    return "".join(out)


def sign_form(ch: str, traditional: Mapping[str, str], forms: Mapping[str, str]) -> str:
    ch = forms.get(ch, ch)
    return traditional.get(ch, ch)


def in_big5(ch: str) -> bool:
    try:
        ch.encode("big5")
    except UnicodeEncodeError:
        return False
    return True


def person_name(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    mode = opts.get("traditional", "sure")
    traditional = opts["traditional_forms"]
    mixed = any(ch in opts["simplified_only"] for ch in raw)
    if mode == "keep" or (mode == "sure" and not mixed):
        traditional = {}
    text = "".join(NAME_WIDTH.get(ch, ch) for ch in tidy(raw))
    if is_null_word(text, opts):
        return nulled(raw)
    text = "".join(sign_form(ch, traditional, opts["sign_forms"]) for ch in text)
    noted = any(ch in OPENING for ch in text)
    if not all(0x4E00 <= ord(ch) <= 0x9FA5 for ch in text) or not 2 <= len(text) <= 4:
        text = without_notes(text)
        edge = " ,;:、，；：。" + "".join(NAME_DOTS - {"·"})
        text = close_han_gaps(text.strip(edge))
        text = join_parts(text)
    number = any("0" <= ch <= "9" for ch in text) and set(text) <= set("-+0123456789.E*Xx ")
    if not text or number or is_null_word(text, opts):
        return nulled(raw)
    lost = any(ch in LOST or 0xE000 <= ord(ch) <= 0xF8FF or ord(ch) >= 0xF0000 for ch in text) or mixes(text)
    if lost or any("0" <= ch <= "9" for ch in text) or text in ANONYMOUS:
        return text, "kept"
    if text == raw:
        titled = re.fullmatch("[一-龥]{1,2}(先生|女士|小姐|同志|大爷|大妈)", text) is not None
        old = mode == "sure" and any(ch in opts["traditional_forms"] for ch in raw)
        return text, "kept" if len(text) == 1 or titled or old else None
    dotted = "·" in text and "·" not in raw
    odd = any(ch in opts["sign_forms"] or "\u2e80" <= ch <= "\u2fdf" or "\uf900" <= ch <= "\ufaff" for ch in raw)
    return text, "kept" if len(text) == 1 and not (noted or odd or dotted) else "standardised"


def join_parts(text: str) -> str:
    """After a Chinese sign, any dots and dashes with spaces around become one middle dot."""
    out, i = [], 0
    while i < len(text):
        out.append(text[i])
        i += 1
        if is_han(out[-1]):
            j = i
            while j < len(text) and text[j] == " ":
                j += 1
            k = j
            while k < len(text) and (text[k] == "·" or text[k] in NAME_DOTS):
                k += 1
            if k > j:
                while k < len(text) and text[k] == " ":
                    k += 1
                out.append("·")
                i = k
    return "".join(out)


def mixes(text: str) -> bool:
    """Latin letters beside a Chinese sign: pinyin stands for a character the sender could not type."""
    bare = re.sub("(?<=[A-Za-z]) (?=.)|(?<=.) (?=[A-Za-z])", "", text)
    for a, b in itertools.pairwise(bare):
        if (is_han(a) and b.isascii() and b.isalpha()) or (a.isascii() and a.isalpha() and is_han(b)):
            return True
    return False


ORG_WIDTH = {ch: FULLWIDTH[ch] for ch in FULLWIDTH if FULLWIDTH[ch].isalnum() or FULLWIDTH[ch] in "-#./&+@"}
ORG_WIDTH |= dict.fromkeys(DASHES, "-") | {"﹟": "#"}
ORG_WIDTH |= dict(zip("()[]【】〔〕﹙﹚", "（）" * 5, strict=True)) | {"•": "·", "・": "·", "‧": "·"}


def org_name(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = tidy(raw)
    if is_null_word(text, opts):
        return nulled(raw)
    text = "".join(ORG_WIDTH.get(ch, opts["sign_forms"].get(ch, ch)) for ch in text)
    text = close_han_gaps(text.rstrip(" ,;。，；、"))
    if is_null_word(text, opts):
        return nulled(raw)
    if any(ch in "?？□■▢〓\ufffd" or 0xE000 <= ord(ch) <= 0xF8FF for ch in text):
        return text, "kept"
    return text, None if text == raw else "standardised"


# --- dates ----------------------------------------------------------------------------------------------------------

HAN_DIGIT = {ch: str(n) for n, ch in enumerate("零一二三四五六七八九")} | {"〇": "0", "○": "0"}


def day(year: str, month: str, day_: str) -> date | None:
    try:
        return date(int(year), int(month), int(day_))
    except ValueError:
        return None


def serial(n: int, opts: Opts) -> date | None:
    if opts.get("epoch_1904"):
        return date(1904, 1, 1) + timedelta(n)
    return date(1899, 12, 30) + timedelta(n)


def han_numerals(text: str) -> str:
    """十 counts as ten inside a month or day; single numerals are digits."""

    def number(match: re.Match[str]) -> str:
        tens, ones = match.group(1), match.group(2)
        return str((int(HAN_DIGIT[tens]) if tens else 1) * 10 + (int(HAN_DIGIT[ones]) if ones else 0))

    text = re.sub("([二三])?十([一二三四五六七八九])?", number, text)
    return "".join(HAN_DIGIT.get(ch, ch) for ch in text)


FORMATS: dict[str, str] = {
    "YYYY-MM-DD": "NNNN-NN-NN", "YYYYMMDD": "NNNNNNNN", "YYYY/MM/DD": "NNNN/NN/NN", "YYYY.MM.DD": "NNNN.NN.NN",
    "YYYY/M/D": "NNNN/n/n", "Y/M/D": "NNNN/n/n", "YYYY-MM-DD HH:MM:SS": "NNNN-NN-NN NN:NN:NN",
    "YYYY-MM": "NNNN-NN", "YYYY.M": "NNNN.n", "YYYYMM": "NNNNNN", "YYYY年M月D日": "NNNN年n月n日",
}  # fmt: skip


def declared(raw: str, formats: list[str]) -> bool:
    for form in formats:
        pattern = re.escape(FORMATS[form]).replace("n", "[0-9]{1,2}").replace("N", "[0-9]").replace(r"\ ", "[T ]")
        if form.endswith("SS"):
            pattern += "([.][0-9]{1,6})?"
        if re.fullmatch(pattern, raw):
            return True
    return False


class Parts:
    """A cell split into a run of numbers and the signs between them, time apart."""

    def __init__(self, raw: str) -> None:
        text = raw
        if re.search("[〇○零一二三四五六七八九十].*[年月]", raw):
            text = han_numerals(text)
        text = "".join("-" if ch == "·" else fold(ch) for ch in tidy(text))
        text = re.sub(r"['\"`‘’]|\(?(?:星期|周|礼拜)[一二三四五六日天]\)?|\(?公元|[上下]午 ?$", "", text)
        text = re.sub(" ?[时点] ?|分 ?", ":", text)
        text = re.sub(" ?秒", "", text)
        text = re.sub(" ?[日号] ?", " ", text)
        text = re.sub(r" *[年月/\\] *|(?<!:[0-9])(?<!:[0-9][0-9])\. *|\.(?= *(?![ 0-9])) *", "-", text)
        self.text = re.sub("-- *$|[-: ]+$", "", text).strip(" ")


def moment_null(text: str, opts: Opts) -> bool:
    return is_null_word(text, opts)


ZONE = "(?: ?(?P<zone>Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?))?"


def shift(zone: str | None) -> timedelta:
    if not zone:
        return timedelta(0)
    if zone == "Z":
        return timedelta(hours=8)
    minutes = int(zone[1:3]) * 60 + int(zone[-2:] if len(zone) > 3 else 0)
    return timedelta(hours=8) - timedelta(minutes=minutes if zone[0] == "+" else -minutes)


def ambiguous(first: str, second: str, year: str, opts: Opts) -> date | None:
    dmy, mdy = day(year, second, first), day(year, first, second)
    if opts.get("date_order") == "dmy":
        return dmy or mdy
    if opts.get("date_order") == "mdy":
        return mdy or dmy
    return (dmy or mdy) if dmy is None or mdy is None or dmy == mdy else None


def parse_moment(text: str, opts: Opts) -> tuple[datetime | None, bool, str]:
    """The moment, whether a time was written, and the family of spelling."""
    compact = re.fullmatch("([12][0-9]{3})([0-9]{2})([0-9]{2})(?:([0-2][0-9])([0-5][0-9])([0-5][0-9])?|([T ].*))", text)
    if compact and compact[4]:
        text = f"{compact[1]}-{compact[2]}-{compact[3]} {compact[4]}:{compact[5]}:{compact[6] or '00'}"
    elif compact:
        text = f"{compact[1]}-{compact[2]}-{compact[3]}{compact[7]}"
    match = re.fullmatch("([12][0-9]{3})([0-9]{2})([0-9]{2})", text) or re.fullmatch(
        "([12][0-9]{3})-([0-9]{1,2})-([0-9]{1,2})", text
    )
    if match:
        found = day(*match.groups())
        return (datetime.combine(found, datetime.min.time()) if found else None), False, "plain"
    match = re.fullmatch(
        "([12][0-9]{3})-([0-9]{1,2})-([0-9]{1,2})(?P<t>[T ]) *(?P<h>[0-9]{1,2}):(?P<m>[0-9]{1,2})(?::(?P<s>[0-9]{1,2})(?:(?:[.] *|,)(?P<f>[0-9]{1,6})[0-9]{0,3})?)?"
        + ZONE,
        text,
    )
    if match:
        found = day(*match.groups()[:3])
        try:
            clock = timedelta(
                hours=int(match["h"]), minutes=int(match["m"]), seconds=int(match["s"] or 0),
                microseconds=int((match["f"] or "0").ljust(6, "0")) if match["s"] else 0,
            )  # fmt: skip
            h, m, s = int(match["h"]), int(match["m"]), int(match["s"] or 0)
            ok = (h < 24 and m < 60 and s < 60) or (
                h == 24 and m == s == int(match["f"] or 0) == 0
            )  # ISO 8601: end of the day
        except ValueError:
            ok = False
        if (match["zone"] or "").startswith("-") and match["s"] is None and match["t"] != "T":
            ok = False  # from this time to that one, no zone
        if found is None or not ok:
            return None, True, "time"
        return datetime.combine(found, datetime.min.time()) + clock + shift(match["zone"]), True, "time"
    match = re.fullmatch("([0-9]{1,2})-([0-9]{1,2})-([12][0-9]{3})", text)
    if match:
        found = ambiguous(match[1], match[2], match[3], opts)
        return (datetime.combine(found, datetime.min.time()) if found else None), False, "dmy"
    match = re.fullmatch("([1-9][0-9]{4})(-[0-9]+)?", text)
    if match:
        found = serial(int(match[1]), opts)
        assert found is not None
        seconds = int((Decimal(86400) * Decimal("0." + (match[2] or "-0")[1:])).quantize(Decimal(1), ROUND_HALF_UP))
        return datetime.combine(found, datetime.min.time()) + timedelta(seconds=seconds), bool(match[2]), "serial"
    return None, False, "other"


def date_(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = Parts(raw).text
    if moment_null(text, opts):
        return nulled(raw)
    text = re.sub("^([12][0-9]{7})-0+$", r"\1", text)  # 20261031.0 out of a number cell
    moment, _, family = parse_moment(text, opts)
    if family == "serial" and moment:
        moment = datetime.combine(serial(int(text[:5]), opts) or date.min, datetime.min.time())
    if moment is None:
        return nulled(raw)
    return moment.date(), None if declared(raw, opts.get("formats") or ["YYYY-MM-DD"]) else "standardised"


def timestamp(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = Parts(raw).text
    if moment_null(text, opts):
        return nulled(raw)
    moment, timed, family = parse_moment(text, opts)
    if moment is None:
        return nulled(raw)
    if declared(raw, opts.get("formats") or ["YYYY-MM-DD HH:MM:SS"]):
        return moment, None
    return moment, "standardised" if timed or family == "serial" else "kept"


def month(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = Parts(raw).text
    if moment_null(text, opts):
        return nulled(raw)
    match = re.fullmatch("([12][0-9]{3})-([0-9]{1,2})", text) or re.fullmatch("([12][0-9]{3})([0-9]{2})", text)
    value: str | None = None
    if match:
        trap = match[2] == "1" and re.search(r"[.．]", raw) and "YYYY.M" not in (opts.get("formats") or [])
        value = f"{match[1]}-{int(match[2]):02d}" if 1 <= int(match[2]) <= 12 and not trap else None
    else:
        day_, _ = date_(raw, opts)
        value = day_.isoformat()[:7] if day_ and re.match("[12][0-9]{7}|[0-9]{4}-|[0-9]{5}", text) else None
    if value is None:
        return nulled(raw)
    return value, None if declared(raw, opts.get("formats") or ["YYYY-MM"]) else "standardised"


# --- codes ----------------------------------------------------------------------------------------------------------


def code_text(raw: str) -> str:
    """Without the .0 of a number cell, however often it was added."""
    text = squeeze(raw)
    while True:
        head, dot, tail = text.rpartition(".")
        if not (dot and tail and set(tail) == {"0"}):
            return text
        text = head


def sex(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    codes: dict[str, str] = dict(opts.get("codes") or {})
    own = codes or {"1": "1", "2": "2"}
    if raw in own and own[raw] in "12":
        return own[raw], None
    text = code_text(raw)
    for word in ("未知", "不详", "不明"):
        text = text.replace(word, "U")
    text = text.upper()
    words = dict.fromkeys(("男", "男性", "男士", "男生", "先生", "M", "MALE", "1男", "1-男", "1.男"), "1")
    words |= dict.fromkeys(("女", "女性", "女士", "女生", "F", "FEMALE", "2女", "2-女", "2.女"), "2")
    usual = {"1": "1", "2": "2", "01": "1", "02": "2", "0": "0", "9": "9"}
    if all(usual.get(k) == v for k, v in codes.items() if k in ("0", "1", "2", "3", "9")):
        words |= usual
    words |= codes
    value = words.get(text)
    if value not in ("1", "2"):
        return nulled(raw)
    return value, "standardised"


def ethnic(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    groups: list[tuple[str, str, str]] = opts["ethnic_groups"]
    words = {"其他": "97", "其它": "97", "其他族": "97", "外国血统": "98", "外国血统中国籍人士": "98"}
    words |= {"维族": "05", "维": "05", "蒙族": "02", "蒙": "02", "哈族": "17", "柯族": "29", "朝族": "10"}
    for code, letters, name in groups:
        words |= {name: code, name.removesuffix("族"): code, letters: code}
    text = code_text(raw).upper()
    if is_null_word(text, opts):
        return nulled(raw)
    known = {code for code, _, _ in groups} | {"97", "98"}
    number = re.match("[0-9]*", text)
    head = number.group(0) if number else ""
    value: str | None = None
    if head == text:
        value = text if text in known else None
        if len(text) == 1 and "0" + text in known:
            value = "0" + text
        if len(text) == 3 and text[0] == "0" and text[1:] in known - {"97", "98"}:
            value = text[1:]
    elif head and len(head) <= 2:
        name = re.sub("^[-.]", "", text[len(head) :])
        value = head.zfill(2) if words.get(name) == head.zfill(2) else None
    else:
        value = words.get(text)
    if value is None:
        return nulled(raw)
    if value == raw:
        return value, None
    return value, "repaired" if len(text) == 1 and digits(text) else "standardised"


def code(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    codes: dict[str, str] = dict(opts.get("codes") or {})
    if raw in codes:
        return codes[raw], None
    text = code_text(raw)
    if is_null_word(text, opts, zeros=False):
        return nulled(raw)
    width = opts.get("width")
    padded = text.zfill(width) if width and digits(text) and len(text) < width else None
    if codes:
        upper = {k.upper(): v for k, v in codes.items()}
        value = codes.get(text) or upper.get(text.upper()) or (text if text in codes.values() else None)
        if value is None and padded:
            value = codes.get(padded) or (padded if padded in codes.values() else None)
            if value:
                return value, "repaired"
        if value is None and opts.get("open"):
            return text, "kept"
        return (value, "standardised") if value else nulled(raw)
    if padded:
        return padded, "repaired"
    if width and len(text) != width:
        return nulled(raw)
    if opts.get("pattern") and not re.fullmatch(opts["pattern"], text):
        text = text.upper()
        if width or not re.fullmatch(opts["pattern"], text):
            return nulled(raw)
    return text, None if text == raw else "standardised"


PROVINCES = {
    *range(11, 16),
    *range(21, 24),
    *range(31, 38),
    *range(41, 47),
    *range(50, 55),
    *range(61, 66),
    71,
    81,
    82,
    83,
}


def area_code(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = code_text(raw).replace("-", "")
    if is_null_word(text, opts):
        return nulled(raw)
    if not digits(text) or len(text) not in (6, 9, 12, 15) or int(text[:2]) not in PROVINCES:
        return nulled(raw)
    width = opts.get("width")
    value = text
    if width and len(text) < width:
        value = text.ljust(width, "0")
    elif width and len(text) > width:
        if set(text[width:]) != {"0"}:
            return nulled(raw)
        value = text[:width]
    return value, None if value == raw else "standardised"


def grid_code(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = code_text(raw).replace("-", "")
    if is_null_word(text, opts) or not digits(text):
        return nulled(raw)
    if len(text) == 20 and int(text[6:8]) in PROVINCES:
        return text, None if text == raw else "standardised"
    if len(text) == 19 and int(text[5:7]) in PROVINCES and not text.endswith("0000"):
        return "0" + text, "repaired"
    return nulled(raw)


def house_code(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = code_text(raw).replace("-", "")
    if is_null_word(text, opts) or not digits(text):
        return nulled(raw)
    if len(text) == 20 and int(text[:2]) in PROVINCES and not text.endswith("00000"):
        return text, None if text == raw else "standardised"
    return nulled(raw)


def industry_code(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = code_text(raw).upper()
    if is_null_word(text, opts):
        return nulled(raw)
    classes = opts.get("width") == 4
    section, rest = ("", text) if text[0] not in "ABCDEFGHIJKLMNOPQRST" else (text[0], text[1:])
    if section:
        rest = rest.removeprefix("-")
    lengths = (4,) if classes else (2, 3, 4)
    if digits(rest) and len(rest) in lengths and 1 <= int(rest[:2]) <= 97:
        return rest, None if rest == raw else "standardised"
    if section and text == section and not classes:
        return text, None if text == raw else "standardised"
    if classes and not section and len(text) == 3 and digits(text) and text[0] in "12345":
        return "0" + text, "repaired"
    return nulled(raw)


def luhn(number: str) -> bool:
    total = 0
    for i, ch in enumerate(reversed(number)):
        n = int(ch) * (2 if i % 2 else 1)
        total += n - 9 if n > 9 else n
    return total % 10 == 0


def bank_card(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = code_text(raw).replace("-", "")
    if is_null_word(text, opts) or not digits(text) or not 12 <= len(text) <= 19:
        return nulled(raw)
    tail = text[15:]
    if tail and set(tail) == {"0"} and text[0] != "0" and not luhn(text):
        return nulled(raw)
    card = (text[:2] == "62" and len(text) >= 16) or (text[0] in "345" and len(text) == 16)
    if card and not luhn(text):
        return text, "kept"
    return text, None if text == raw else "standardised"


# --- numbers --------------------------------------------------------------------------------------------------------


def number_text(raw: str) -> str:
    return squeeze(raw, {"￥": "¥"}).upper()


def grouped(text: str) -> Decimal | None:
    """Digits with at most one point; commas only between groups of three."""
    whole, _point, fraction = text.partition(".")
    if (fraction and not digits(fraction)) or (not whole and not fraction):
        return None
    if "," in whole:
        first, *rest = whole.split(",")
        if not (1 <= len(first) <= 3 and digits(first) and all(len(p) == 3 and digits(p) for p in rest)):
            return None
    elif whole and not digits(whole):
        return None
    try:
        return Decimal((whole.replace(",", "") or "0") + ("." + fraction if fraction else ""))
    except InvalidOperation:
        return None


def quantize(number: Decimal, scale: int) -> Decimal:
    with localcontext() as context:
        context.prec = 200
        return number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)


def signed(text: str) -> tuple[int, str] | None:
    """The sign (brackets, leading or trailing minus) and the rest; None where signs contradict each other."""
    negative = False
    if text.startswith("(") != text.endswith(")") and not (text.startswith("(") and text.endswith(")-")):
        return None
    trailing = text.endswith("-")
    if trailing:
        text = text[:-1]
    if text.startswith("("):
        if not text.endswith(")"):
            return None
        text, negative = text[1:-1], True
    elif text.endswith(")"):
        return None
    return (-1 if negative or trailing else 1), text


AMOUNT_UNITS = {
    "百万元": 10**6, "千万元": 10**7, "万元": 10**4, "亿元": 10**8, "千元": 1000, "百元": 100, "元整": 1, "元正": 1,
    "元": 1, "圆整": 1, "圆": 1, "万": 10**4, "亿": 10**8,
}  # fmt: skip
SCIENTIFIC = "[+-]?[0-9]+(?:[.][0-9]+)?E[+-]?[0-9]{1,2}"


def amount(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = number_text(raw)
    if is_null_word(text, opts, zeros=False):
        return nulled(raw)
    declared_factor = AMOUNT_UNITS[opts.get("unit", "元")]
    outcome = "standardised"
    if re.fullmatch(SCIENTIFIC, text):
        number: Decimal | None = Decimal(text)
        factor, outcome, sign = declared_factor, "kept", 1
    else:
        split = signed(text)
        if split is None:
            return nulled(raw)
        bracket, rest = split
        match = re.fullmatch(
            "(?:人民币|RMB|CNY|¥)?([+-]?)(?:人民币|RMB|CNY|¥)?([0-9.,]+)(百万元|千万元|万元|亿元|千元|百元|元整|元正|元|圆整|圆|万|亿)?(?:人民币|RMB|CNY)?整?",
            rest,
        )
        if not match or (match[1] == "-" and text.endswith("-")):
            return nulled(raw)
        number = grouped(match[2])
        sign = -1 if match[1] == "-" or bracket == -1 else 1
        factor = AMOUNT_UNITS[match[3]] if match[3] else declared_factor
    if number is None or abs(number) >= Decimal(10) ** 20:
        return nulled(raw)
    with localcontext() as context:
        context.prec = 100
        value = quantize(quantize(number, 6) * sign * factor, 2)
    if abs(value) >= Decimal(10) ** 22:
        return nulled(raw)
    if re.fullmatch("-?[0-9]+(?:[.][0-9]+)?", raw):
        return value, None
    if opts.get("separators") and re.fullmatch("-?[0-9]{1,3}(?:,[0-9]{3})+(?:[.][0-9]+)?", raw):
        return value, None
    return value, outcome


def plain_number(text: str, units: tuple[str, ...]) -> tuple[Decimal | None, bool]:
    """The number and whether it came in scientific notation."""
    if re.fullmatch(SCIENTIFIC, text):
        return Decimal(text), True
    split = signed(text)
    if split is None:
        return None, False
    sign, rest = split
    for unit in sorted((u.upper() for u in units), key=len, reverse=True):
        if rest.endswith(unit):
            rest = rest.removesuffix(unit)
            break
    if rest[:1] in ("+", "-"):
        if text.endswith("-"):
            return None, False
        sign = -1 if rest[0] == "-" or sign == -1 else 1
        rest = rest[1:]
    number = grouped(rest)
    return (None if number is None else number * sign), False


def decimal(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = number_text(raw)
    if is_null_word(text, opts, zeros=False):
        return nulled(raw)
    scale = opts.get("scale", 6)
    number, scientific = plain_number(text, tuple(opts.get("units") or ()))
    if number is None or abs(number) >= Decimal(10) ** (28 - scale):
        return nulled(raw)
    value = quantize(number, scale)
    if (opts.get("min") is not None and value < opts["min"]) or (opts.get("max") is not None and value > opts["max"]):
        return nulled(raw)
    if re.fullmatch("-?[0-9]+(?:[.][0-9]+)?", raw):
        return value, None
    return value, "kept" if scientific else "standardised"


def integer(raw: str | None, opts: Opts) -> Result:
    value, outcome = decimal(raw, {**opts, "scale": 6, "min": None, "max": None})
    if value is None:
        return nulled(raw)
    if value != value.to_integral_value() or abs(value) >= 2**63:
        return nulled(raw)
    if (opts.get("min") is not None and value < opts["min"]) or (opts.get("max") is not None and value > opts["max"]):
        return nulled(raw)
    if outcome is None and "." in str(raw):
        outcome = "standardised"
    return int(value), outcome


USAGE_UNITS = ("m3", "m³", "立方米", "立方", "方", "吨", "t", "kWh", "kw.h", "千瓦时", "度")


def usage(raw: str | None, opts: Opts) -> Result:
    value, outcome = decimal(raw, {**opts, "units": USAGE_UNITS, "scale": 3})
    if value is None or value < 0:
        return nulled(raw)
    if outcome is None and raw and raw.startswith("-"):
        outcome = "standardised"
    return value, outcome


# --- coordinates and text -------------------------------------------------------------------------------------------


def degrees(raw: str) -> float | None:
    signs = {"°": "度", "º": "度", "˚": "度"} | dict.fromkeys("'’′", "分") | dict.fromkeys('"”″', "秒")
    signs |= {"，": ",", "；": ",", "、": ","}
    text = squeeze(raw, signs).upper()
    for head in ("东经", "北纬", "N", "E"):
        if text.startswith(head):
            text = text.removeprefix(head)
            break
    text = text[:-1] if text[-1:] in ("N", "E") else text
    match = re.fullmatch("([0-9]{1,3}(?:[.][0-9]+)?)度?", text)
    if match:
        return float(match[1])
    match = re.fullmatch("([0-9]{1,3})度([0-9]{1,2}(?:[.][0-9]+)?)分(?:([0-9]{1,2}(?:[.][0-9]+)?)(?:秒|分分)?)?", text)
    if match:
        return round(float(match[1]) + float(match[2]) / 60 + float(match[3] or 0) / 3600, 9)
    return None


def coordinate(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    low, high = (73, 136) if opts.get("axis", "lon") == "lon" else (3, 54)
    other_low, other_high = (3, 54) if opts.get("axis", "lon") == "lon" else (73, 136)
    value = degrees(raw)
    if value is not None and low <= value <= high:
        return value, None if re.fullmatch("[0-9]{1,3}(?:[.][0-9]+)?", raw) else "standardised"
    other = degrees(opts["other_value"]) if opts.get("other_value") else None
    if value is not None and other_low <= value <= other_high and other is not None and low <= other <= high:
        return other, "repaired"
    return nulled(raw)


def text_(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    value = tidy(raw)
    few = {"NULL", "NONE", "NAN", "N/A", "#N/A", "<NA>", "<NULL>"}
    if not value or value.upper() in few or set(value) <= set("-—/"):
        return nulled(raw)
    return value, "kept" if "\ufffd" in value else None if value == raw else "standardised"


ADDRESS_WIDTH = {ch: FULLWIDTH[ch] for ch in FULLWIDTH if FULLWIDTH[ch].isalnum() or FULLWIDTH[ch] in "-#./&+@"}
ADDRESS_WIDTH |= dict.fromkeys(DASHES, "-") | {"﹟": "#"}


def address(raw: str | None, opts: Opts) -> Result:
    if not raw:
        return nulled(raw)
    text = "".join(ADDRESS_WIDTH.get(ch, ch) for ch in tidy(raw)).rstrip(" ;,.；，。、")
    if is_null_word(text, opts):
        return nulled(raw)
    value = close_han_gaps(text)
    return value, "kept" if "\ufffd" in value else None if value == raw else "standardised"


def unicode_sign_forms() -> dict[str, str]:
    """Compatibility ideographs and lone radicals that Unicode itself says are one ordinary ideograph."""
    forms = {}
    for c in (*range(0x2E80, 0x2FE0), *range(0xF900, 0xFB00), *range(0x2F800, 0x2FA20)):
        plain = unicodedata.normalize("NFKC", chr(c))
        if plain != chr(c) and len(plain) == 1:
            forms[chr(c)] = plain
    return forms


REFERENCE: dict[str, Callable[[str | None, Opts], Result]] = {
    "citizen_id": citizen_id, "id_document": id_document, "disability_certificate": disability_certificate,
    "uscc": uscc, "org_code": org_code, "phone": phone, "person_name": person_name, "org_name": org_name,
    "date": date_, "timestamp": timestamp, "month": month, "sex": sex, "ethnic": ethnic, "code": code,
    "area_code": area_code, "grid_code": grid_code, "house_code": house_code, "industry_code": industry_code,
    "bank_card": bank_card, "amount": amount, "decimal": decimal, "integer": integer, "usage": usage, "coordinate": coordinate,
    "text": text_, "address": address,
}  # fmt: skip
