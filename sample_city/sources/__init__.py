"""The departments' deliveries: one module per dataset, found by name, each with one `SOURCE`.

To add a dataset, write `sources/<department>_<dataset>.py` with a `Source` and name it in ORDER.
"""

from __future__ import annotations

from importlib import import_module

from sample_city.sources.base import Source

ORDER = (
    "gongan_changzhu",
    "minzheng_dibao",
    "minzheng_gaoling_jintie",
    "canlian_canjiren_zheng",
    "minzheng_huohua",
    "shichang_zhuti",
    "zongzhi_wangge",
    "rexian_gongdan",
)


def every() -> list[Source]:
    """All sources in the order of delivery."""
    return [import_module(f"sample_city.sources.{name}").SOURCE for name in ORDER]
