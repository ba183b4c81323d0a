"""The departments' deliveries: one module per dataset, found by name, each with one `SOURCE`, or several `SOURCES`.

To add a dataset, write `sources/<department>_<dataset>.py` and name it in ORDER. A dataset is called as its contract is:
`gongan_changzhu` holds gongan.changzhu.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sample_city.sources.base import Source

ORDER = (
    "gongan_changzhu",
    "gongan_liudong",
    "minzheng_dibao",
    "minzheng_gaoling_jintie",
    "canlian_canjiren_zheng",
    "renshe_shebao",
    "yibao_canbao",
    "weijian_laonian_dangan",
    "jiaoyu_xueji",
    "minzheng_huohua",
    "sifa_jiufen",
    "shichang_zhuti",
    "shuiwu_nashui",
    "renshe_danwei",
    "yingji_weihua",
    "nongye_jiti",
    "minzheng_shehui_zuzhi",
    "bianban_jiguan",
    "zhujian_fangwu",
    "dashuju_dizhiku",
    "dashuju_quhua",
    "zongzhi_wangge",
    "gongan_jingwu_wangge",
    "chengguan_chengguan_wangge",
    "dangjian_dangjian_wangge",
    "huanwei_huanwei_wangge",
    "zongzhi_wanggeyuan",
    "minzheng_sheshi",
    "chengguan_bujian",
    "dangjian_dangqun",
    "rexian_gongdan",
    "rexian_jiekou",
    "zongzhi_wangge_shijian",
    "chengguan_anjian",
    "shuiwudian_yongliang",
)
DATASETS = tuple(name.replace("_", ".", 1) for name in ORDER)
CORE = (
    "gongan.changzhu",
    "minzheng.dibao",
    "minzheng.gaoling_jintie",
    "canlian.canjiren_zheng",
    "minzheng.huohua",
    "shichang.zhuti",
    "zongzhi.wangge",
    "rexian.gongdan",
)
"""The datasets that a small city needs for people, firms, grids and events to be linked."""


def every(datasets: Iterable[str] = DATASETS) -> list[Source]:
    """The sources of some datasets in the order of delivery; a dataset of several files has several."""
    wanted = set(datasets)
    found: list[Source] = []
    for name, dataset in zip(ORDER, DATASETS, strict=True):
        if dataset in wanted:
            module = import_module(f"sample_city.sources.{name}")
            found += module.SOURCES if hasattr(module, "SOURCES") else [module.SOURCE]
    return found
