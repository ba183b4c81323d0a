"""What a labelled sample of such a city holds per 1,000 people: rows, bytes and defects of its first delivery by dataset.

Measured on 3,000 people. Bytes are given where a file has no fixed part worth mentioning: a small workbook is mostly
its wrapping. `None`: not to be compared.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """Of one dataset, per 1,000 people."""

    rows: float
    defects: float
    bytes: float | None = None
    together: float = 1.0  # rows that come together: one burst pipe brings dozens of calls


RATIOS = {
    "bianban/机关事业单位": Ratio(6.00, 0.0, 957),
    "canlian/残疾人证": Ratio(31.33, 12.67),
    "chengguan/城管网格": Ratio(8.00, 0.0, 2351),
    "chengguan/市政部件": Ratio(38.67, 0.0, 4281),
    "chengguan/案件": Ratio(29.33, 1.33, 5045),
    "dangjian/党建网格": Ratio(2.00, 0.0, 612),
    "dangjian/党群服务中心": Ratio(2.00, 0.0, 297),
    "dashuju/标准地址库": Ratio(441.67, 2.00, 103_845),
    "dashuju/行政区划代码": Ratio(4.33, 0.0, 220),
    "gongan/常住人口": Ratio(867.33, 234.33, 150_077),
    "gongan/流动人口": Ratio(91.00, 41.00),
    "gongan/警务网格": Ratio(2.67, 0.0, 940),
    "huanwei/环卫网格": Ratio(2.00, 0.0, 638),
    "jiaoyu/学籍": Ratio(70.67, 94.33),
    "minzheng/低保对象": Ratio(28.00, 6.67),
    "minzheng/服务设施": Ratio(2.33, 0.0),
    "minzheng/殡葬火化": Ratio(4.67, 1.00, 718),
    "minzheng/社会组织": Ratio(4.00, 0.0),
    "minzheng/高龄津贴": Ratio(57.67, 16.33, 15_531),
    "nongye/村集体经济组织": Ratio(0.67, 0.33),
    "renshe/单位参保": Ratio(30.33, 2.67, 2717),
    "renshe/社保参保": Ratio(697.33, 126.00, 92_879),
    "rexian/12345工单": Ratio(167.33, 19.67, 42_371),
    "rexian/12345接口": Ratio(13.67, 13.67, 6008, together=4.0),
    "shichang/市场主体": Ratio(65.33, 31.67, 19_690),
    "shuiwu/纳税": Ratio(86.33, 20.67, 10_881),
    "shuiwudian/水电气用量": Ratio(3558.00, 77.33, 212_809),
    "sifa/矛盾纠纷": Ratio(5.33, 0.67),
    "weijian/老年人健康档案": Ratio(161.33, 49.67, 89_453),
    "yibao/医保参保": Ratio(918.33, 245.67, 33_401),
    "yingji/危化企业隐患": Ratio(8.67, 5.33),
    "zhujian/房屋": Ratio(435.00, 49.33, 107_303),
    "zongzhi/网格": Ratio(6.33, 0.0, 2731),
    "zongzhi/网格事件": Ratio(61.67, 4.33, 12_715),
    "zongzhi/网格员": Ratio(6.33, 0.67),
}
