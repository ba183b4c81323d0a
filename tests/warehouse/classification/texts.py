"""Texts of which it is known what personal information they hold, with look-alikes that are none.

`labelled(seed, n)` gives `n` texts, each with the set of detectors that must speak. Every text is a sentence of an office's
day with zero to three planted things; numbers that only look like one (orders, amounts, days, meters, codes) stand everywhere.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

_SURNAMES = [
    "王",
    "李",
    "张",
    "刘",
    "陈",
    "杨",
    "赵",
    "孙",
    "于",
    "姜",
    "曲",
    "初",
    "栾",
    "矫",
    "隋",
    "宫",
    "柳",
    "慕",
    "丛",
    "林",
    "高",
    "马",
    "周",
    "徐",
    "宋",
    "吴",
    "石",
    "白",
    "安",
    "方",
    "万",
    "江",
    "金",
    "钱",
    "路",
    "时",
    "欧阳",
    "司马",
    "诸葛",
    "上官",
]
_GIVEN = ["伟", "芳", "秀英", "建国", "淑兰", "晓明", "海燕", "志强", "桂芝", "玉梅", "浩", "子涵", "梓萱", "俊杰", "丽", "国庆", "春生", "文静", "永福", "兆祥", "翠花", "德胜", "洪义", "欣怡", "宇轩", "立新", "佩", "雪", "凤霞", "传江", "秋月", "一诺", "若曦", "思远", "长河", "明", "立", "超", "磊", "艳梅", "丹玥", "悦佳", "妙芷", "忠诚", "保平", "庆丰", "光耀", "新华", "红", "军"]  # fmt: skip
_CARD_HEADS = ("621700", "622202", "622848", "623668", "625912", "458123", "524031", "955880")
_TROUBLES = (
    "楼上漏水", "半夜施工噪音太大", "路灯不亮", "垃圾三天没人清运", "暖气不热", "消防通道被私家车堵死", "井盖破损", "停水没有通知",
    "咨询高龄津贴怎么申请", "反映公司拖欠工资3个月", "广场舞音响太大", "树木倒伏压住电线", "高血压药买不到", "电梯停运9天，老人下不了楼",
)  # fmt: skip
_QUIET = (
    "已拨打物业电话无人管", "请相关部门核实", "望速解决", "多次反映没有解决", "从早上六点开始，至今未恢复", "安全隐患很大，居民反映强烈",
    "单元门口一直有积水", "周边居民都有意见", "高层住户水压不足", "车主不配合挪车", "白天没人管，晚上更严重", "和平路一带都是这样",
    "金额较大，方便的话请回复", "任何时间都可以上门查看", "水管老化，管道多处渗水", "黄色杂物堆了一地", "村里路面坑洼", "小区物业与业主长期有矛盾",
    "城市管理", "经复查情况属实，已整改", "全部完成", "经查，该公司证照齐全", "施工单位已于当日修复", "常年无人居住", "危化品仓库储罐区防火堤破损",
    "老人行动不便", "学生上下学路过此处", "安装充电桩", "万元以上的已登记", "于某日到现场查看", "孩子放学没人接", "司机态度恶劣", "业主大会未召开",
    "公交101路5号车晚点", "地铁2号线延误", "坐3路到人民医院", "物业费每平方米1.5元", "第3单元的门禁坏了", "莱山区初家街道环境差", "观海路拥堵",
    "马家村环境整治", "联系物业未果", "居民反映停车难", "市民咨询社保", "家长反映校门口拥堵", "患者投诉挂号难", "请金沙滩管委会答复",
)  # fmt: skip


def _digits(random: Random, n: int) -> str:
    return "".join(random.choice("0123456789") for _ in range(n))


def _id18(random: Random) -> str:
    born = date(1930, 1, 1) + timedelta(days=random.randrange(33_000))
    head = random.choice(["370602", "370613", "370681", "110101", "320583", "441900", "510104", "620102", "230606"])
    body = f"{head}{born:%Y%m%d}{random.randrange(1000):03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def _id_number(random: Random) -> str:
    number = _id18(random)
    shape = random.randrange(8)
    if shape == 0:
        return number[:6] + " " + number[6:14] + " " + number[14:]
    if shape == 1:
        return number.lower()
    if shape == 2:
        return number.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    if shape == 3:
        return number[:6] + number[8:17] if number[6:8] == "19" else number
    return number


def _luhn(body: str) -> str:
    total = 0
    for i, d in enumerate(reversed(body)):
        n = int(d) * (2 if i % 2 == 0 else 1)
        total += n - 9 if n > 9 else n
    return str(-total % 10)


def _card(random: Random) -> str:
    head = random.choice(_CARD_HEADS)
    body = head + _digits(random, (16 if head[0] in "45" or head == "625912" else 19) - 7)
    number = body + _luhn(body)
    groups = [number[i : i + 4] for i in range(0, len(number), 4)]
    return " ".join(groups) if random.random() < 0.2 else number


def _phone(random: Random) -> str:
    mobile = random.choice(["13", "15", "17", "18", "19"]) + _digits(random, 9)
    return random.choice([
        mobile, mobile, mobile, f"{mobile[:3]} {mobile[3:7]} {mobile[7:]}", f"{mobile[:3]}-{mobile[3:7]}-{mobile[7:]}", f"+86 {mobile}",
        f"86-{mobile}", mobile.translate(str.maketrans("0123456789", "０１２３４５６７８９")), f"0535-6{_digits(random, 6)}",
        f"(0535)6{_digits(random, 6)}", f"010-8{_digits(random, 7)}", f"tel:{mobile}",
    ])  # fmt: skip


def _name(random: Random) -> str:
    return random.choice(_SURNAMES) + random.choice(_GIVEN)


def _address(random: Random) -> str:
    n = random.randint(1, 30)
    estate = random.choice(
        [
            "阳光府",
            "怡和湾",
            "大连小区",
            "昆仑苑",
            "金海花园",
            "滨河家园",
            "清泉华庭",
            "月亮国际",
            "幸福新村",
            "万达公寓",
        ]
    )
    road = random.choice(["北关大街", "观海路", "迎春大街", "解放路", "环山路", "胜利南路", "海港路西段", "青年巷"])
    village = random.choice(["馆前于家村", "前邹家村", "初家庄", "东泊子村", "辛安屯", "北寨"])
    return random.choice([
        f"{road}{n}号", f"{road}{n}号{estate}{n % 9 + 1}号楼", f"{estate}{n}号楼{n % 4 + 1}单元{n % 6 + 1}01室", f"{estate}{'一二三四五六'[n % 6]}号楼",
        f"莱山区{estate}{n}#楼", f"{estate}{n}-{n % 4 + 1}-{n % 6 + 1}02", f"{village}{n}号", f"{village}{n % 9 + 1}组{n}号", f"{estate}{n}栋{n % 6 + 1}03",
        f"烟台市芝罘区{estate}{n}号楼{n % 4 + 1}单元{n % 6 + 1}01",
    ])  # fmt: skip


def _plate(random: Random) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    head = random.choice("鲁京沪苏粤辽") + random.choice("ABFYK")
    tail = random.choice([
        _digits(random, 5), random.choice(letters) + _digits(random, 4), _digits(random, 3) + random.choice(letters) + _digits(random, 1),
        "D" + _digits(random, 5),
    ])  # fmt: skip
    return head + random.choice(["", "", "·"]) + tail


_PLANTED = {
    "id_number": (_id_number, ("身份证号{}", "身份证：{}", "证件号码 {}", "（{}）", "公民身份号码为{}", "ID {}")),
    "phone": (_phone, ("电话{}", "联系电话：{}", "手机号{}", "{}", "联系方式 {}", "请回电{}", "（{}）", "拨打{}未接")),
    "bank_card": (_card, ("银行卡号{}", "卡号：{}", "工行{}", "收款账户 {}", "补贴打入{}")),
    "plate": (_plate, ("车牌{}", "一辆{}的轿车堵住通道", "车牌号：{}", "车辆{}长期占道")),
    "address": (_address, ("地址{}", "住{}", "家住{}", "位于{}", "{}附近", "现住址：{}")),
    "person_name": (_name, (
        "联系人{}", "反映人：{}", "{}反映", "业主{}要求赔偿", "当事人{}与邻居发生争执", "{}先生来电", "{}女士投诉", "居民{}称", "户主：{}", "{}来电",
        "独居老人{}", "负责人是{}", "已联系{}", "我叫{}", "{}，男，今年七十岁", "监护人 {}",
    )),
}  # fmt: skip


def _lookalike(random: Random) -> str:
    """Numbers and words that are not personal information."""
    day = date(2020, 1, 1) + timedelta(days=random.randrange(2500))
    uscc = "91370602MA3" + random.choice("CDEFGT") + _digits(random, 5) + random.choice("ABQX")
    wrong_id = _id18(random)
    wrong_id = wrong_id[:17] + ("1" if wrong_id[17] != "1" else "2")
    return random.choice([
        f"订单号{_digits(random, 16)}", f"工单编号：{day:%Y%m%d}{_digits(random, 8)}", f"金额{random.randrange(10**7)}.5元", f"{day:%Y-%m-%d} 08:30:00",
        f"{day:%Y年%m月%d日}", f"统一社会信用代码{uscc}", f"表号{_digits(random, 12)}", f"水表号：1{random.choice('35789')}{_digits(random, 9)}",
        f"房屋编码370602011004{_digits(random, 10)}", f"网格编码370602011004{_digits(random, 3)}", f"注册号3706022000{_digits(random, 5)}",
        f"单号 62{_digits(random, 14)}", f"合同号4{_digits(random, 15)}", f"案卷号{day:%Y%m%d}{_digits(random, 4)}", f"用量{random.randrange(1000)}.{random.randrange(100):02d}吨",
        f"校验不符的{wrong_id}", f"面积{random.randrange(50, 200)}.5平方米", f"快递单号SF1{_digits(random, 12)}", f"鲁建发〔{day:%Y}〕{random.randrange(1, 99)}号",
        f"坐标121.{_digits(random, 6)},37.{_digits(random, 6)}", f"第{random.randrange(1, 30)}号线", f"{random.randrange(10**6, 10**7)}元", f"户号{_digits(random, 11)}",
        f"流水号{_digits(random, 19)}", "拨打12345热线", f"比去年增长{random.randrange(90)}.{random.randrange(10)}%",
    ])  # fmt: skip


def labelled(seed: int, n: int) -> list[tuple[str, frozenset[str]]]:
    """Texts with the detectors that must speak; the same seed gives the same texts."""
    random = Random(seed)
    out = []
    for _ in range(n):
        held = random.sample(sorted(_PLANTED), random.choices([0, 1, 2, 3], [4, 4, 2, 1])[0])
        parts = [random.choice(_TROUBLES)] if random.random() < 0.7 else []
        parts += random.sample(_QUIET, random.randint(0, 2))
        parts += [_lookalike(random) for _ in range(random.choice([0, 1, 1, 2]))]
        for kind in held:
            make, frames = _PLANTED[kind]
            parts.append(random.choice(frames).format(make(random)))
        random.shuffle(parts)
        text = random.choice(["，", "。", "；", "，", "\n"]).join(parts or ["无"])
        out.append((random.choice(["", "市民来电，", "来电人反映：", "网格员巡查发现，"]) + text, frozenset(held)))
    return out
