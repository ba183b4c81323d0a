"""Which dataset a table is: by folder and header aliases, with a score; the file name is only a hint.

A header matches a column when its normal form (width, spaces and brackets unified, case folded) equals that of the declared
header or of an alias. A header joined from several rows also matches by its last part alone, if no other column claims it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ingestion.contracts import DatasetContract

ACCEPT_SCORE = 0.6
"""Share of the contract's columns that must be found, besides every required one."""
RESEMBLES, AT_HOME = 0.3, 0.2
"""Share of a contract's (or of the file's) columns from which on it is worth naming as near; what the file's own folder adds."""


@dataclass(frozen=True)
class Match:
    """How well one table's header fits one contract."""

    dataset: str
    score: float
    columns: dict[str, str]
    """delivered header → raw name"""
    missing_required: tuple[str, ...]
    missing_optional: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return not self.missing_required


@dataclass(frozen=True)
class Recognition:
    """The verdict on a file's tables: matches by table index, or why none fits, with the nearest contracts."""

    dataset: str | None
    matches: dict[int, Match] = field(default_factory=dict)
    nearest: tuple[Match, ...] = ()
    reason_zh: str = ""
    reason_en: str = ""
    code: str = ""


def normal(header: str) -> str:
    """The form in which headers are compared."""
    text = unicodedata.normalize("NFKC", header).casefold()
    return re.sub(r"[\s_*　·:：、,，。.\-—'\"“”‘’]+", "", text)


def match(contract: DatasetContract, headers: Sequence[str]) -> Match:
    """Matches delivered headers to the columns of one contract."""
    wanted = {normal(h): c.name for c in contract.columns for h in c.headers}
    found: dict[str, str] = {}
    taken: set[str] = set()
    for form in (normal, lambda h: normal(h.rsplit(" ", 1)[-1])):
        for header in headers:
            name = wanted.get(form(header))
            if header not in found and name is not None and name not in taken:
                found[header] = name
                taken.add(name)
    names = {c.name: c for c in contract.delivered_columns}
    return Match(
        dataset=contract.id,
        score=round(len(taken) / len(names), 4),
        columns=found,
        missing_required=tuple(c.business_name for n, c in names.items() if c.required and n not in taken),
        missing_optional=tuple(c.business_name for n, c in names.items() if not c.required and n not in taken),
        extra=tuple(h for h in headers if h not in found),
    )


def recognise(
    contracts: Mapping[str, DatasetContract], department: str, file_name: str, tables: Sequence[Sequence[str]]
) -> Recognition:
    """Picks the dataset whose contract the tables' headers fit best.

    `tables` are the headers of each table of the file. All tables that fit the chosen contract belong to the delivery
    (one sheet per town). Nothing is taken from another department's folder: that is refused and the right place named.
    """
    everything = [
        (index, match(contract, headers), contract)
        for index, headers in enumerate(tables)
        for contract in contracts.values()
    ]
    ranked = sorted(everything, key=lambda e: _rank(e[1], e[2], department, file_name), reverse=True)
    nearest = _nearest([(m, c.domain == department) for _, m, c in ranked])
    good = [(m, c) for _, m, c in ranked if m.complete and m.score >= ACCEPT_SCORE]
    own = [(m, c) for m, c in good if c.domain == department]
    if not own:
        return _refusal(contracts, good, nearest)
    dataset, contract = own[0][0].dataset, own[0][1]
    matches = {i: m for i, m, c in everything if c is contract and m.complete and m.score >= ACCEPT_SCORE}
    drift = contract.custom.drift
    if drift.extra_column == "refuse" and any(m.extra for m in matches.values()):
        extra = sorted({h for m in matches.values() for h in m.extra})
        return Recognition(
            None,
            {},
            nearest,
            f"出现契约以外的列：{'、'.join(extra)}",
            f"columns outside the contract: {extra}",
            "extra_column",
        )
    if drift.missing_optional_column == "refuse" and any(m.missing_optional for m in matches.values()):
        missing = sorted({h for m in matches.values() for h in m.missing_optional})
        return Recognition(
            None, {}, nearest, f"缺少列：{'、'.join(missing)}", f"columns missing: {missing}", "missing_column"
        )
    return Recognition(dataset, matches, nearest)


def _rank(found: Match, contract: DatasetContract, department: str, file_name: str) -> tuple[bool, bool, float, bool]:
    pattern = contract.custom.file_name
    named = bool(pattern and re.search(pattern, file_name))
    return (contract.domain == department, found.complete, found.score, named)


def _nearest(matches: Sequence[tuple[Match, bool]], count: int = 3) -> tuple[Match, ...]:
    """The datasets a table resembles most; those of the file's own folder (True) before others as like."""
    best: dict[str, tuple[float, Match]] = {}
    for m, at_home in matches:
        score = m.score + AT_HOME * at_home
        if _resembles(m) and (m.dataset not in best or score > best[m.dataset][0]):
            best[m.dataset] = (score, m)
    return tuple(m for _, m in sorted(best.values(), key=lambda found: found[0], reverse=True)[:count])


def _resembles(found: Match) -> bool:
    """Whether more than a column or two that every list has (name, telephone, remarks) speak for the dataset."""
    known = len(found.columns)
    share = max(found.score, known / max(1, known + len(found.extra)))
    return share >= RESEMBLES and (known > 1 or found.score >= 0.5)


def _refusal(
    contracts: Mapping[str, DatasetContract], good: Sequence[tuple[Match, DatasetContract]], nearest: tuple[Match, ...]
) -> Recognition:
    if good:
        contract = good[0][1]
        return Recognition(
            None,
            {},
            nearest,
            f"表头与“{contract.title}”一致，但放错了文件夹：请放入 {contract.domain}/",
            f"the header is that of {contract.id}, but the file lies in another department's folder",
            "wrong_department",
        )
    if not nearest:
        return Recognition(
            None, {}, (), "表头与任何一种已登记的数据都不相符", "no header matches any contract", "unknown_dataset"
        )
    first = nearest[0]
    missing = "、".join(first.missing_required) or "多数列"
    return Recognition(
        None,
        {},
        nearest,
        f"未能识别。最接近“{contracts[first.dataset].title}”，但缺少：{missing}",
        f"not recognised; nearest is {first.dataset} ({first.score:.0%} of its columns), missing {missing}",
        "unknown_dataset",
    )
