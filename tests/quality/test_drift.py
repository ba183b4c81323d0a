"""Poisoned and harmless second months, through the real intake, staging and gate: what is stopped, by name, and what is not.

All variants of a file are dropped at once: each is compared with the published first month, never with another.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from ingestion.contracts import load_contracts
from quality import gates
from quality.gates import Failure
from townlake import steps
from warehouse.home import Home

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1200), pytest.mark.xdist_group("drift")]

Rows = list[list[str]]
Change = Callable[[Rows], Rows]


# ---- changes to a table: the first row is the header ----------------------------------------------------------------


def column(rows: Rows, name: str) -> int:
    return rows[0].index(name)


def each(name: str, change: Callable[[str, int], str]) -> Change:
    """Changes one cell of every row."""

    def apply(rows: Rows) -> Rows:
        i = column(rows, name)
        return [rows[0], *([*r[:i], change(r[i], n), *r[i + 1 :]] if len(r) > i else r for n, r in enumerate(rows[1:]))]

    return apply


def renumbered(name: str, *codes: str) -> Change:
    """Every code becomes the next one of the list."""
    following = dict(zip(codes, (*codes[1:], codes[0]), strict=True))
    return each(name, lambda v, _: following.get(v, v))


def year_back(*names: str) -> Change:
    """Dates of last year, however they are written: YYYY comes first in all of them."""

    def back(value: str, _: int) -> str:
        return f"{int(value[:4]) - 1}{value[4:]}" if value[:4].isdigit() else value

    def apply(rows: Rows) -> Rows:
        for name in names:
            rows = each(name, back)(rows)
        return rows

    return apply


def half(rows: Rows) -> Rows:
    return [rows[0], *rows[1::2]]


def tenth_less(rows: Rows) -> Rows:
    return [rows[0], *(r for n, r in enumerate(rows[1:]) if n % 10)]


def more(rows: Rows) -> Rows:
    """5 % more people: new ones, of the form of the old."""
    i = column(rows, "公民身份号码")
    added = [[*r[:i], another_person(r[i]), *r[i + 1 :]] for r in rows[1::20]]
    return [*rows, *added]


def another_person(number: str) -> str:
    """A sound number with the same area, day and sex."""
    if len(number) != 18 or not number[:17].isdigit():
        return number
    serial = (int(number[14:17]) + 500) % 1000
    body = f"{number[:14]}{serial:03d}"
    total = sum(int(d) * w for d, w in zip(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    return body + "10X98765432"[total % 11]


def shifted(rows: Rows) -> Rows:
    """Every value under the next header."""
    return [rows[0], *([*r[-1:], *r[:-1]] for r in rows[1:])]


def ids_shifted(name: str, following: str) -> Change:
    """The ids stand under the next header, whose values stand under theirs."""

    def apply(rows: Rows) -> Rows:
        i, j = column(rows, name), column(rows, following)
        out = [list(r) for r in rows]
        for r in out[1:]:
            if len(r) > max(i, j):
                r[i], r[j] = r[j], r[i]
        return out

    return apply


def ids_one_row_down(name: str) -> Change:
    def apply(rows: Rows) -> Rows:
        i = column(rows, name)
        values = [r[i] if len(r) > i else "" for r in rows[1:]]
        moved = [values[-1], *values[:-1]]
        return [rows[0], *([*r[:i], v, *r[i + 1 :]] for r, v in zip(rows[1:], moved, strict=True))]

    return apply


def other_people(rows: Rows) -> Rows:
    """The same columns, of people the city does not know."""
    return each("公民身份号码", lambda v, _: another_person(v))(rows)


def added_column(rows: Rows) -> Rows:
    return [[*rows[0], "备注信息"], *([*r, f"n{n}"] for n, r in enumerate(rows[1:]))]


def reordered(rows: Rows) -> Rows:
    return [r[::-1] for r in rows]


def without(name: str) -> Change:
    def apply(rows: Rows) -> Rows:
        i = column(rows, name)
        return [[*r[:i], *r[i + 1 :]] for r in rows]

    return apply


def written_otherwise(rows: Rows) -> Rows:
    """Another export: days with hyphens, full-width digits in telephones."""
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    rows = each("出生日期", lambda v, _: f"{v[:4]}-{v[4:6]}-{v[6:]}" if len(v) == 8 else v)(rows)
    return each("联系电话", lambda v, _: v.translate(wide))(rows)


def heating_season(rows: Rows) -> Rows:
    """In November a third of the calls are about one thing."""
    i = column(rows, "问题分类")
    season = max({r[i] for r in rows[1:] if len(r) > i})
    return each("问题分类", lambda v, n: season if n % 3 == 0 else v)(rows)


def few(rows: Rows) -> Rows:
    return rows[:6]


CHANGZHU, GONGDAN, ZHUTI = "gongan/常住人口", "rexian/12345工单", "shichang/市场主体"
MARITAL = renumbered("婚姻状况", "10", "20", "30", "40")
POISONED: dict[str, tuple[str, Change, set[str]]] = {
    "half_people": (CHANGZHU, half, {"drift_rows_high", "drift_keys_high"}),
    "half_firms": (ZHUTI, half, {"drift_rows_high", "drift_keys_high"}),
    "shifted_people": (CHANGZHU, shifted, {"quarantined_high", "drift_issues_high"}),
    "ids_shifted": (CHANGZHU, ids_shifted("公民身份号码", "曾用名"), {"drift_missing_high", "drift_keys_high"}),
    "ids_shifted_firms": (ZHUTI, ids_shifted("统一社会信用代码", "注册号"), {"drift_issues_high"}),
    "ids_one_row_down": (CHANGZHU, ids_one_row_down("公民身份号码"), {"drift_agreement_high"}),
    "sexes_exchanged": (CHANGZHU, renumbered("性别", "1", "2"), {"drift_agreement_high"}),
    "marital_renumbered": (CHANGZHU, MARITAL, {"drift_agreement_high", "drift_values_high"}),
    "updated_last_year": (CHANGZHU, year_back("更新时间"), {"drift_agreement_high"}),
    "born_last_year": (CHANGZHU, year_back("出生日期"), {"drift_agreement_high"}),
    "founded_last_year": (ZHUTI, year_back("成立日期"), {"drift_agreement_high"}),
    "calls_of_last_year": (GONGDAN, year_back("来电时间", "派单时间", "办结时间"), {"drift_dates_high"}),
    "other_city": (CHANGZHU, other_people, {"drift_keys_high"}),
}  # fmt: skip
HARMLESS: dict[str, tuple[str, Change]] = {
    "as_it_comes": (CHANGZHU, lambda rows: rows),
    "more_people": (CHANGZHU, more),
    "fewer_people": (CHANGZHU, tenth_less),
    "new_code": (CHANGZHU, each("婚姻状况", lambda v, n: "21" if n % 100 == 0 else v)),
    "added_column": (CHANGZHU, added_column),
    "reordered": (CHANGZHU, reordered),
    "written_otherwise": (CHANGZHU, written_otherwise),
    "no_telephones": (CHANGZHU, without("联系电话")),
    "married": (CHANGZHU, each("婚姻状况", lambda v, n: "20" if v == "10" and n % 5 == 0 else v)),
    "calls": (GONGDAN, lambda rows: rows),
    "heating_season": (GONGDAN, heating_season),
    "few_calls": (GONGDAN, few),
    "shuffled_firms": (ZHUTI, lambda rows: [rows[0], *random.Random(7).sample(rows[1:], len(rows) - 1)]),
    "closed_firms": (ZHUTI, each("登记状态", lambda v, n: "注销" if n % 12 == 0 else v)),
}  # fmt: skip


def table(path: Path) -> Rows:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", "replace")
    return list(csv.reader(io.StringIO(text, newline="")))


def write(path: Path, rows: Rows) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(out.getvalue().encode("gb18030", "replace"))


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Landing folders of two months of a small city."""
    import sample_city

    folder = tmp_path_factory.mktemp("months")
    sample_city.generate(700, 23, folder, periods=2, datasets=sample_city.CORE)
    return folder / "landing", folder / "landing_2"


@pytest.fixture(scope="module")
def found(months: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Failure]]:
    """Findings of the gate after staging by variant, once the first month was published."""
    first, second = months
    home = Home.throwaway(tmp_path_factory.mktemp("drift") / "home").prepare()
    steps.ingest(home, first)
    assert steps.build(home)["published"]
    landing = tmp_path_factory.mktemp("dropped")
    for name, (file, change, *_) in {**POISONED, **HARMLESS}.items():
        path = max(second.glob(f"{file}*"), key=lambda p: p.name)
        write(landing / file.split("/")[0] / f"{path.stem}_{name}.csv", change(table(path)))
    last_year(first, landing)
    wrong_line(first, landing)
    receipts = {r["file"]: r for r in steps.ingest(home, landing)[1]}
    assert {r["status"] for r in receipts.values()} == {"taken"}, [r["reason_en"] for r in receipts.values()]
    steps.register(home)
    contracts = load_contracts()
    steps.build_layer(home, "staging", contracts=contracts)
    results = gates.examine(home, "raw", contracts).results + gates.examine(home, "staging", contracts).results
    out: dict[str, list[Failure]] = {Path(name).stem.split("_", 2)[-1]: [] for name in receipts}
    for failure in (f for r in results for f in r.failures):
        assert failure.file, failure
        out[Path(failure.file).stem.split("_", 2)[-1]].append(failure)
    return out


def last_year(first: Path, landing: Path) -> None:
    """Last year's register, dropped again under its own name."""
    (path,) = first.glob(f"{CHANGZHU}*")
    stem, day = path.stem.rsplit("_", 1)
    write(landing / "gongan" / f"{stem}_{int(day[:4]) - 1}{day[4:]}_last_year.csv", table(path)[:-3])


def wrong_line(first: Path, landing: Path) -> None:
    """Grids of another city in the grid department's folder: the header is right, nothing else is."""
    (path,) = first.glob("zongzhi/*.geojson")
    grids = json.loads(path.read_text(encoding="utf-8"))
    for n, feature in enumerate(grids["features"]):
        code = feature["properties"]["网格编码"]
        feature["properties"]["网格编码"] = f"{code[:6]}{990000 + n:06d}{code[12:]}"
        feature["properties"]["社区代码"] = f"{990000 + n:06d}".rjust(12, "1")
    (landing / "zongzhi").mkdir(parents=True, exist_ok=True)
    (landing / "zongzhi" / "综治网格_20270101_wrong_line.geojson").write_text(json.dumps(grids), encoding="utf-8")


def stops(failures: list[Failure]) -> set[str]:
    return {f.expectation for f in failures if f.severity == "critical"}


@pytest.mark.parametrize("name", POISONED)
def test_a_poisoned_delivery_is_stopped_by_name(found: dict[str, list[Failure]], name: str) -> None:
    critical = [f for f in found[name] if f.severity == "critical"]
    assert POISONED[name][2] <= stops(critical)
    assert all(f.delivery_id and f"_{name}." in f.zh and f"_{name}." in f.en for f in critical)


@pytest.mark.parametrize(("name", "expected"), [("last_year", "drift_day_high"), ("wrong_line", "drift_keys_high")])
def test_another_file_under_a_right_header_is_stopped(
    found: dict[str, list[Failure]], name: str, expected: str
) -> None:
    assert expected in stops(found[name])


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_goes_on(found: dict[str, list[Failure]], name: str) -> None:
    assert stops(found[name]) == set()
