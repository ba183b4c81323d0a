"""The answer key against the files: every row, every logged damage, every key and every number."""

from __future__ import annotations

import importlib.util
import itertools
import re
import sys
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from .conftest import PERSONS, City
from .parse import rows, text

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def id_check(body: str) -> str:
    """GB 11643 check character, by the formula that takes the body as a number of base 13."""
    return "0123456789X"[(1 - 2 * int(body, 13)) % 11]


def credit_check(body: str) -> str:
    """GB 32100 check character, by Horner's rule from the right."""
    total, weight = 0, 1
    for c in body:
        total += ALPHABET.index(c) * weight
        weight = weight * 3 % 31
    return ALPHABET[-total % 31]


def data_files(city: City) -> list[str]:
    return city.truth("file").filter(pl.col("kind") == "data")["file"].to_list()


def test_check_digits() -> None:
    assert id_check("11010519491231002") == "X"
    assert id_check("44052418800101001") == "4"
    assert credit_check("91350100M000100Y4") == "3"


def test_identity_numbers_are_valid(city: City) -> None:
    person = city.truth("person").filter(pl.col("id_no") != "")
    for number, birth, sex in person.select("id_no", "birth", "sex").iter_rows():
        assert number[-1] == id_check(number[:17]), number
        assert number[6:14] == birth.replace("-", "")
        assert int(number[16]) % 2 == int(sex) % 2
    assert all(n[-1] == id_check(n[:17]) for n in person["alt_id"].to_list() if n)


def test_numbers_are_unique_but_for_the_pairs_who_share_one(city: City) -> None:
    person = city.truth("person").filter((pl.col("period") == 1) & (pl.col("id_no") != ""))
    double = person.filter(pl.col("id_no").is_duplicated())["person_key"]
    shared = city.truth("situation").filter(pl.col("situation") == "shared_number")["entity_key"]
    assert set(double) == set(shared)
    assert len(shared) >= 2


def test_credit_codes_are_valid_and_unique(city: City) -> None:
    codes = city.truth("organisation").filter(pl.col("period") == 1)["uscc"]
    assert codes.is_unique().all()
    for code in codes:
        assert re.fullmatch(r"9[123]3706\d\d[0-9A-Z]{10}", code)
        assert code[-1] == credit_check(code[:17]), code


def test_every_row_is_in_the_key(city: City) -> None:
    mention = city.truth("mention")
    expected = city.truth("expected_counts")
    for file in data_files(city):
        found = rows(city.out / file)
        known = mention.filter(pl.col("file") == file)
        keys = set(known.select("sheet", "row_number").iter_rows())
        assert len(keys) == known.height
        assert keys <= set(found), file
        header_rows = known["row_number"].min() - 1 if known.height else 0  # type: ignore[operator]
        beyond = {(s, n) for s, n in found if n > header_rows and s in set(known["sheet"]) and any(found[s, n])}
        assert beyond <= keys, (file, sorted(beyond - keys)[:5])
        counted = expected.filter(pl.col("file") == file)
        assert counted["data_rows"].sum() == known.filter(pl.col("row_kind") == "data").height


def header(found: dict[tuple[str, int], list[str]], sheet: str, first_row: int) -> list[str]:
    """The column names of a sheet; the lower row where the header has two."""
    upper = found[sheet, first_row - 1]
    if "" not in upper:
        return upper
    above = found[sheet, first_row - 2]
    return [low or high for low, high in zip(upper, above, strict=True)]


def test_every_damaged_cell_is_in_the_file_as_logged(city: City) -> None:
    mention, defect = city.truth("mention"), city.truth("defect")
    checked = 0
    for (file, sheet), logged in defect.filter(~pl.col("column").str.contains(r"[*+]")).group_by("file", "sheet"):
        found = rows(city.out / file)
        first = (
            mention.filter((pl.col("file") == file) & (pl.col("sheet") == sheet))
            .select((pl.col("row_number") - pl.col("data_row")).first() + 1)
            .item()
        )
        columns = header(found, sheet, first)
        for row, column, damaged, kind in logged.select("row_number", "column", "damaged", "kind").iter_rows():
            cell = found[sheet, row][columns.index(column)]
            if kind.startswith("id_excel") and cell != damaged:
                assert float(cell) == float(damaged)
            else:
                assert cell == damaged, (file, row, column, kind)
            checked += 1
    assert checked > 500


def test_clean_cells_say_what_is_so(city: City) -> None:
    """Identity numbers and names of undamaged rows belong to the person the key names."""
    columns = {
        "gongan/常住人口": ("公民身份号码", "姓名"),
        "minzheng/低保对象": ("身份证号", "姓名"),
        "minzheng/高龄津贴": ("身份证", "姓名"),
        "canlian/残疾人证": ("残疾人证号", "姓名"),
        "minzheng/殡葬火化": ("逝者身份证号", "逝者姓名"),
    }
    mention = city.truth("mention").join(city.truth("defect"), on=["file", "sheet", "row_number"], how="anti")
    person = {(r["period"], r["person_key"]): r for r in city.truth("person").iter_rows(named=True)}
    for (file, source), known in mention.filter(pl.col("row_kind") == "data").group_by("file", "source"):
        if source not in columns:
            continue
        found = rows(city.out / file)
        for r in known.iter_rows(named=True):
            names = header(found, r["sheet"], r["row_number"] - r["data_row"] + 1)
            cells = found[r["sheet"], r["row_number"]]
            who = person[r["period"], r["person_key"]]
            number, name = (cells[names.index(c)] for c in columns[source])
            assert number[:18] in (who["id_no"], who["alt_id"]), (file, r["row_number"])
            assert name == who["name"]


def test_defects_raise_the_verdict_of_their_row(city: City) -> None:
    rank = {"no": 0, "maybe": 1, "yes": 2}
    worst = (
        city.truth("defect")
        .with_columns(pl.col("should_quarantine").replace_strict(rank, return_dtype=pl.Int64))
        .group_by("file", "sheet", "row_number")
        .agg(pl.col("should_quarantine").max())
    )
    data = (
        city.truth("mention")
        .filter(pl.col("row_kind") == "data")
        .join(worst, on=["file", "sheet", "row_number"], how="left")
    )
    assert (
        data["quarantine"].replace_strict(rank, return_dtype=pl.Int64) == data["should_quarantine"].fill_null(0)
    ).all()
    assert data.filter(pl.col("quarantine") == "yes").height > 10


def test_keys_refer_to_something(city: City) -> None:
    mention, role = city.truth("mention"), city.truth("mention_role")
    person = city.truth("person")
    place = set(city.truth("place")["place_key"]) | {""}
    for period in (1, 2):
        now = set(person.filter(pl.col("period") == period)["person_key"])
        assert set(mention.filter(pl.col("period") == period)["person_key"]) - {""} <= now
        assert set(role.filter(pl.col("period") == period)["person_key"]) <= now
        orgs = city.truth("organisation").filter(pl.col("period") == period)
        assert set(mention.filter(pl.col("period") == period)["org_key"]) - {""} <= set(orgs["org_key"])
        assert set(orgs["legal_person"]) <= now
    assert set(mention["place_key"]) <= place
    assert set(person["residence_place"]) | set(person["hukou_place"]) <= place
    assert set(mention["event_key"]) - {""} <= set(city.truth("event")["event_key"])
    grid = set(city.truth("grid")["grid_key"])
    assert set(city.truth("house_grid")["grid_key"]) <= grid
    households = city.truth("household")
    assert set(person["household_key"]) <= set(households["household_key"])
    assert households.filter(pl.col("period") == 1)["members"].str.split(",").list.len().sum() == PERSONS


def test_community_codes_are_real(city: City) -> None:
    area = pl.read_csv(Path(__file__).parents[2] / "dbt_project/seeds/division.csv", infer_schema=False)
    assert set(city.truth("place")["community"]) <= set(area.filter(pl.col("level") == "5")["area_code"])


def test_grids_partition_their_communities(city: City) -> None:
    """Neighbouring grids share their border, and together they have the area of the community's cell."""
    grid = city.truth("grid").with_columns(points=pl.col("wkt").str.extract_all(r"[\d.]+"))
    for _, part in grid.group_by("community"):
        corners = [[float(x) for x in p] for p in part.sort("grid_code")["points"]]
        for left, right in itertools.pairwise(corners):
            assert (left[2], left[4]) == (right[0], right[6])
        box = (corners[-1][2] - corners[0][0]) * (corners[0][5] - corners[0][1])
        assert sum(shoelace(c) for c in corners) == pytest.approx(box)


def shoelace(flat: list[float]) -> float:
    points = list(zip(flat[::2], flat[1::2], strict=True))
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(points))) / 2


def test_the_dead_and_the_old(city: City) -> None:
    tag, policy = city.truth("tag"), city.truth("policy")
    assert tag.filter(pl.col("tag") == "deceased_still_paid").height > 0
    assert set(policy["policy"]) == {"高龄津贴"}
    eligible = policy.filter(pl.col("answer") == "eligible")
    assert set(eligible["amount"]) <= {50, 200, 500}
    paid = city.truth("mention").filter((pl.col("source") == "minzheng/高龄津贴") & (pl.col("period") == 2))[
        "person_key"
    ]
    assert eligible.filter((pl.col("period") == 2) & ~pl.col("subject_key").is_in(paid.implode())).height > 0


def test_noise_is_listed(city: City) -> None:
    listed = set(city.truth("file")["file"])
    on_disk = {
        str(p.relative_to(city.out)) for d in ("landing", "landing_2") for p in (city.out / d).rglob("*") if p.is_file()
    }
    assert listed == on_disk
    same = city.truth("file").filter(pl.col("note").str.starts_with("same bytes as "))
    assert same.height >= 3
    for file, note in same.select("file", "note").iter_rows():
        assert (city.out / file).read_bytes() == (city.out / note.removeprefix("same bytes as ")).read_bytes()


def test_text_of_cells() -> None:
    assert text(3.0) == "3"


# ---- the shared scorer ------------------------------------------------------------------------------------
def load_evaluate(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("shared_evaluate", shared / "sample_city" / "evaluate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["shared_evaluate"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.shared
def test_schema_is_that_of_the_shared_city(city: City, shared: Path) -> None:
    for name in (
        "person",
        "organisation",
        "household",
        "place",
        "event",
        "grid",
        "house_grid",
        "mention",
        "mention_role",
        "defect",
        "situation",
        "file",
        "expected_counts",
        "change",
        "policy",
        "tag",
    ):
        theirs = pl.read_parquet_schema(shared / "sample_city" / "truth" / f"{name}.parquet")
        assert dict(pl.read_parquet_schema(city.out / "truth" / f"{name}.parquet")) == dict(theirs), name


@pytest.mark.shared
def test_a_perfect_export_scores_one(city: City, shared: Path, tmp_path: Path) -> None:
    evaluate = load_evaluate(shared)
    mention = city.truth("mention")
    data = mention.filter(pl.col("row_kind") == "data")
    for entity, key in evaluate.LINKS.items():
        linked = data.filter(pl.col(key) != "").select("file", "sheet", "row_number", pl.col(key).alias(f"{entity}_id"))
        linked.write_parquet(tmp_path / f"{entity}_link.parquet")
    refused = data.filter(pl.col("quarantine") == "yes").select(
        "file", "sheet", "row_number", pl.lit("test").alias("reason")
    )
    refused.write_parquet(tmp_path / "quarantine.parquet")
    policy = city.truth("policy").filter(pl.col("period") == 2)
    policy.select("policy", pl.col("subject_key").alias("subject_id"), "answer").write_parquet(
        tmp_path / "policy_match.parquet"
    )
    result = evaluate.evaluate(city.out / "truth", tmp_path)
    assert result["conservation"]["lost"] == 0
    assert result["conservation"]["phantom"] == 0
    assert result["conservation"]["non_data_linked"] == 0
    assert result["quarantine"]["f1"] == 1.0
    for entity in ("person", "organisation", "place", "event"):
        assert result["linkage"][entity]["b3_f1"] == pytest.approx(1.0)
    assert result["policy"]["高龄津贴"]["accuracy"] == pytest.approx(1.0)
