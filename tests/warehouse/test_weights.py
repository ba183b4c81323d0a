"""Weights estimated from what identifiers settled: close to what was put in, and written only where measured."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.warehouse.fusion import SmallLake
from warehouse.linkage import spec as specs
from warehouse.linkage import weights


@pytest.fixture
def city(tmp_path: Path) -> SmallLake:
    """Three hundred people in three registers; one register in five has another telephone."""
    lake, draw = SmallLake(tmp_path), random.Random(7)
    for i in range(300):
        born = f"19{draw.randint(40, 99)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
        number = f"370602{born.replace('-', '')}{i:03}{draw.choice('13579')}"
        name = f"{draw.choice('王李张刘')}{'甲乙丙丁戊己庚辛'[i % 8]}{'天地玄黄宇宙洪荒日月'[i % 10]}"
        for dataset in ("gongan.changzhu", "yibao.canbao", "minzheng.dibao"):
            lake.person(
                name, id_number=number, birth_date=born, dataset=dataset, sex_code="12"[i % 2],
                phone=f"138{i:08}" if draw.random() > 0.1 else f"139{draw.randint(0, 10**8):08}",
            )  # fmt: skip
    lake.link()
    return lake


def test_what_is_measured_is_what_the_registers_say(city: SmallLake) -> None:
    found = {(w.comparison, w.level): w for w in weights.estimate(city.con, specs.load("person"))}
    assert found["born", "same"].m_measured == pytest.approx(1.0, abs=0.002)
    phone = found["phone", "same"].m_measured
    assert phone is not None and 0.75 < phone < 0.87, "two registers of ten in a hundred differing each"
    sex = found["sex", "same"].u_measured
    assert sex is not None and 0.45 < sex < 0.55
    assert found["number", "head_15"].m_measured is None, "no damaged number was seen"
    assert found["place", "same_door"].m_measured is None


def test_what_would_change_is_counted(city: SmallLake) -> None:
    """Two children known by name, birthday and telephone: were equal telephones worth nothing, one link would go."""
    same = {"birth_date": "2019-09-09", "phone": "13800000006"}
    city.person("曲梓萌", dataset="jiaoyu.xueji", **same)
    city.person("曲梓萌", dataset="yibao.canbao", **same)
    city.link()
    spec = specs.load("person")
    known = [
        weights.Weight(name, x.level, x.m, x.u, None, None)
        for name, comparison in spec.comparisons.items()
        for x in comparison.levels
    ]
    assert weights.would_change(city.con, spec, known) == (0, 0)
    nothing = [replace(w, m_measured=w.u) if (w.comparison, w.level) == ("phone", "same") else w for w in known]
    worthless = [replace(w, m_measured=w.u) if w.comparison in ("phone", "name") else w for w in nothing]
    assert weights.would_change(city.con, spec, worthless) == (0, 1)


def test_signs_are_measured_on_people_not_on_mentions(
    city: SmallLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights.names, "SHARES", tmp_path / "sign_share.csv")
    people, signs = weights.measure_signs(city.con, specs.load("person"))
    assert people == 300
    weights.write_signs(city.con)
    lines = (tmp_path / "sign_share.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "place,sign,share"
    assert len(lines) == signs + 1
    shares = [line.split(",") for line in lines[1:]]
    assert sum(float(share) for place, _, share in shares if place == "surname") == pytest.approx(1, abs=0.001)
    assert all(float(share) == pytest.approx(0.1, abs=0.001) for place, sign, share in shares if sign in "天地玄黄宇")


def test_only_what_was_measured_is_written(city: SmallLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(specs.SPECS, tmp_path / "specs")
    monkeypatch.setattr(weights, "SPECS", tmp_path / "specs")
    monkeypatch.setattr(specs, "SPECS", tmp_path / "specs")
    before = specs.load("person")
    found = weights.estimate(city.con, before)
    assert weights.write(before, found) > 0
    specs.load.cache_clear()
    try:
        after = specs.load("person")
    finally:
        specs.load.cache_clear()
    was = {(c, x.level): (x.m, x.u) for c, comparison in before.comparisons.items() for x in comparison.levels}
    now = {(c, x.level): (x.m, x.u) for c, comparison in after.comparisons.items() for x in comparison.levels}
    measured = {(w.comparison, w.level) for w in found if w.m_measured is not None or w.u_measured is not None}
    assert {key for key in was if was[key] != now[key]} <= measured
    assert now["sex", "same"] != was["sex", "same"]
    assert after.model_copy(update={"comparisons": {}}) == before.model_copy(update={"comparisons": {}})
