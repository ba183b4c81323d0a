"""What a cell's text looks like: number, date, identifier, null word or plain text. Used to find headers and dialects."""

from __future__ import annotations

import re
from functools import lru_cache

EMPTY, NUMBER, DATE, CODE, BOOL, NULL_WORD, TEXT = "", "number", "date", "code", "bool", "null", "text"

LONGEST_VALUE = 200

_NUMBER = re.compile(
    r"[+\-−(]?\s*[$¥￥£€]?\s*(?:\d{1,3}(?:[,，'\u00a0 ]\d{3})+|\d+)?(?:[.,]\d+)?(?:[eE][+\-]?\d+)?\s*(?:[%％‰]|元|万元|亿元)?\)?"
)
_DATE = re.compile(
    r"\d{4}[-/.年]\s?\d{1,2}(?:[-/.月]\s?\d{1,2}日?)?月?(?:[ T]?\s*\d{1,2}[:：时]\d{1,2}(?:[:：分]\d{1,2}秒?(?:\.\d+)?)?分?)?(?:Z|[+\-]\d{2}:?\d{2})?"
    r"|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?:[ T]\s*\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?)?"
    r"|\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?"
    r"|\d{1,2}[- ](?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*[- ,]+\d{2,4}"
)
_CODE = re.compile(r"(?=[A-Za-z\-_/.]*\d)[A-Za-z0-9\-_/.]{4,}|\+?\d[\d\- ]{5,}\d|https?://\S+|[\w.\-]+@[\w.\-]+\.\w+")
_PATTERNS = ((NUMBER, _NUMBER), (DATE, _DATE), (CODE, _CODE))
_BOOLS = frozenset({"true", "false", "yes", "no", "是", "否", "男", "女", "有", "无", "√", "×"})
_NULLS = frozenset(
    {"null", "none", "nan", "na", "n/a", "-", "--", "—", "——", "/", "\\n", "不详", "未知", "#n/a", ".", "..", "…"}
)


@lru_cache(maxsize=65_536)
def shape(text: str) -> str:
    """The look of one non-null cell: one of the constants above. Full-width digits count as digits."""
    text = text.strip()
    if not text:
        return EMPTY
    if len(text) > LONGEST_VALUE:
        return TEXT
    lower = text.lower()
    if lower in _NULLS:
        return NULL_WORD
    if lower in _BOOLS:
        return BOOL
    if any(ch.isdigit() for ch in text):
        return next((look for look, pattern in _PATTERNS if pattern.fullmatch(text)), TEXT)
    return TEXT


def is_typed(look: str) -> bool:
    """Whether a look tells data from a header: numbers, dates and codes do, words do not."""
    return look in (NUMBER, DATE, CODE)
