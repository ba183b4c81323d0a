"""Reference systems of coordinates: the SQL against an independent forward formula, and there and back again."""

from __future__ import annotations

import math
import random

import duckdb
import pyarrow as pa
import pytest

from warehouse import standard

POINTS = [(random.Random(1).uniform(75, 134), random.Random(2).uniform(5, 52))] + [
    (random.Random(i).uniform(75, 134), random.Random(i + 10_000).uniform(5, 52)) for i in range(3_000)
]


def gcj02(lon: float, lat: float) -> tuple[float, float]:
    """GCJ-02 of a WGS-84 point, written from the public formula as sums of sines."""
    x, y = lon - 105.0, lat - 35.0

    def waves(terms: list[tuple[float, float]], at: float) -> float:
        return sum(size * math.sin(math.pi * at * pace) for size, pace in terms) * 2 / 3

    north = -100 + 2 * x + 3 * y + 0.2 * y**2 + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    north += waves([(20, 6), (20, 2)], x) + waves([(20, 1), (40, 1 / 3), (160, 1 / 12), (320, 1 / 30)], y)
    east = 300 + x + 2 * y + 0.1 * x**2 + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    east += waves([(20, 6), (20, 2), (20, 1), (40, 1 / 3), (150, 1 / 12), (300, 1 / 30)], x)
    axis, eccentricity = 6378245.0, 0.00669342162296594323
    radius = 1 - eccentricity * math.sin(math.radians(lat)) ** 2
    north_degrees = math.degrees(north / (axis * (1 - eccentricity) / radius**1.5))
    east_degrees = math.degrees(east / (axis / math.sqrt(radius) * math.cos(math.radians(lat))))
    return lon + east_degrees, lat + north_degrees


def bd09(lon: float, lat: float) -> tuple[float, float]:
    """BD-09 of a GCJ-02 point: turned and stretched a little, then shifted."""
    pace = math.pi * 3000 / 180
    length = math.hypot(lon, lat) + 2e-5 * math.sin(lat * pace)
    angle = math.atan2(lat, lon) + 3e-6 * math.cos(lon * pace)
    return length * math.cos(angle) + 0.0065, length * math.sin(angle) + 0.006


def to_cgcs(points: list[tuple[float, float]], crs: str) -> list[tuple[float, float]]:
    table = pa.table(
        {
            "n": range(len(points)),
            "longitude": [p[0] for p in points],
            "latitude": [p[1] for p in points],
            "crs": [crs] * len(points),
        }
    )
    with duckdb.connect() as con:
        con.register("given", table)
        ctes = standard.macros()["std_crs_ctes"]("given", ["n"])
        return con.execute(f"with {ctes} select to_longitude, to_latitude from crs_points order by n").fetchall()


def metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    return math.hypot((a[0] - b[0]) * 111_320 * math.cos(math.radians(a[1])), (a[1] - b[1]) * 110_574)


def test_forward_formula_agrees() -> None:
    macros = standard.macros()
    table = pa.table({"lon": [p[0] for p in POINTS], "lat": [p[1] for p in POINTS], "n": range(len(POINTS))})
    with duckdb.connect() as con:
        con.register("t", table)
        found = con.execute(
            f"select lon + {macros['std_gcj_shift_lon']('lon', 'lat')}, lat + {macros['std_gcj_shift_lat']('lon', 'lat')} from t order by n"
        ).fetchall()
    assert max(metres(gcj02(*p), f) for p, f in zip(POINTS, found, strict=True)) < 1e-3


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_there_and_back_again(crs: str) -> None:
    """Well below the half metre asked for."""
    shifted = [gcj02(*p) if crs == "gcj02" else bd09(*gcj02(*p)) for p in POINTS]
    assert min(metres(p, s) for p, s in zip(POINTS, shifted, strict=True)) > 10
    assert max(metres(p, b) for p, b in zip(POINTS, to_cgcs(shifted, crs), strict=True)) < 0.01


def test_what_needs_no_change_has_none() -> None:
    assert to_cgcs(POINTS[:100], "cgcs2000") == POINTS[:100]
    assert to_cgcs(POINTS[:100], "wgs84") == POINTS[:100]


def test_an_unknown_system_gives_no_point() -> None:
    assert to_cgcs(POINTS[:3], "unknown") == [(None, None)] * 3


def test_abroad_nothing_is_shifted() -> None:
    assert to_cgcs([(2.35, 48.85)], "gcj02") == [(2.35, 48.85)]


SAID = {
    "cgcs2000": ["cgcs2000", "CGCS2000", "WGS84", "WGS-84", "wgs 84", "ＷＧＳ８４", "EPSG:4326", "EPSG:4490", "国家2000", "2000国家大地坐标系", "CGCS 2000（国家大地坐标系）", "天地图"],
    "gcj02": ["gcj02", "GCJ-02", "GCJ02", "火星坐标", "火星坐标系(GCJ-02)", "高德", "高德坐标", "腾讯地图", "国测局坐标"],
    "bd09": ["bd09", "BD-09", "BD09LL", "百度", "百度坐标系", "百度地图 BD-09"],
    "other": ["西安80", "北京54", "WGS84/GCJ-02", "百度或高德", "地方坐标", "EPSG:2384"],
}  # fmt: skip


def said(texts: list[str | None]) -> list[str | None]:
    with duckdb.connect() as con:
        con.register("t", pa.table({"n": range(len(texts)), "x": pa.array(texts, pa.string())}))
        return [
            row[0]
            for row in con.execute(f"select {standard.macros()['std_crs_said']('x')} from t order by n").fetchall()
        ]


@pytest.mark.parametrize("system", list(SAID))
def test_a_system_is_known_by_any_usual_name(system: str) -> None:
    assert dict(zip(SAID[system], said(list(SAID[system])), strict=True)) == dict.fromkeys(SAID[system], system)


def test_nothing_said_is_no_system() -> None:
    assert said([None, "", " ", "\u3000", "不详", "未说明", "/", "-", "N/A"]) == [None] * 9


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_a_million_points_come_back(crs: str) -> None:
    for seed in range(10):
        r = random.Random(seed)
        points = [(r.uniform(75, 134), r.uniform(5, 52)) for _ in range(100_000)]
        shifted = [gcj02(*p) if crs == "gcj02" else bd09(*gcj02(*p)) for p in points]
        assert max(metres(p, b) for p, b in zip(points, to_cgcs(shifted, crs), strict=True)) < 0.01
