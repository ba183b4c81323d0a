"""Coordinates as mapping vendors deliver them: GCJ-02 and BD-09 from WGS84 / CGCS2000, in degrees.

The published approximations of the Chinese offset (Krasovsky 1940 ellipsoid), good to a metre.
"""

from __future__ import annotations

import numpy as np

from sample_city.draw import Floats

_AXIS, _ECCENTRICITY = 6_378_245.0, 0.00669342162296594323


def gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """The coordinates of state-licensed maps."""
    x, y = lon - 105.0, lat - 35.0
    common = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x)) + common
    north += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    north += (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x)) + common
    east += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    east += (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    bent = 1.0 - _ECCENTRICITY * np.sin(np.radians(lat)) ** 2
    root = np.sqrt(bent)
    d_lat = np.degrees(north / (_AXIS * (1.0 - _ECCENTRICITY) / (bent * root)))
    d_lon = np.degrees(east / (_AXIS / root * np.cos(np.radians(lat))))
    return lon + d_lon, lat + d_lat


def bd09(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """The coordinates of Baidu's maps: GCJ-02 bent once more."""
    x, y = gcj02(lon, lat)
    turn = np.pi * 3000.0 / 180.0
    radius = np.sqrt(x * x + y * y) + 0.00002 * np.sin(y * turn)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * turn)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006
