"""What personal information a text holds: identity numbers, bank cards, phones, plates, addresses, names.

Every detector is one DuckDB macro over one text, so a table is looked at as a set. `macros()` creates them, `holds(name, sql)`
is the condition. A number is believed for what it proves (check digits of GB 11643 and ISO/IEC 7812, a real day of birth),
a word for what stands around it: a house number makes an address, a word of address or of speaking makes a name. What a
label calls something else (订单号, 表号, 注册号) is taken out first.

    for statement in macros():
        con.execute(statement)
    con.execute(f"select count(*) from t where {holds('phone', 'remark')}")
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Grade = Literal["core", "important", "general_4", "general_3", "general_2", "general_1"]
PersonalData = Literal["none", "general", "sensitive"]


@dataclass(frozen=True)
class Detector:
    """One kind of personal information. `bare`: a cell that is nothing but it proves nothing alone, its column does."""

    name: str
    zh: str
    grade: Grade
    personal_data: PersonalData
    bare: bool = False
    stops: bool = False
    """Identifies by itself, or opens an account: a column that does not say that it holds such numbers stops the build."""


DETECTORS = (
    Detector("id_number", "身份证号码", "general_4", "general", bare=True, stops=True),
    Detector("bank_card", "银行卡号", "general_4", "sensitive", bare=True, stops=True),
    Detector("phone", "电话号码", "general_3", "general", bare=True),
    Detector("plate", "车牌号", "general_3", "general"),
    Detector("address", "住址", "general_3", "general"),
    Detector("person_name", "姓名", "general_3", "general", bare=True),
)

_WIDE = dict(zip("０１２３４５６７８９Ｘｘ：；！？（），－＃～—–‐", "0123456789Xx:;!?(),-#~---", strict=True))
_WIDE |= {chr(ord("Ａ") + i): chr(ord("A") + i) for i in range(26)} | dict.fromkeys("\u3000\t\u00a0\u2002\u2003", " ")
"""Full-width signs and blanks, each with its narrow one."""

_LABELS = (
    "订单号?|工单号?|单号|流水号?|合同号?|注册号|执照号?|许可证号?|表号|电表|水表|气表|(?:^|[^账帐])户号|户表|案号|案卷号?|案件号?|发票号?|"
    "发票|账单号?|设备号?|序列号|批号|批次号?|快递|运单|物流|档案号|文号|凭证号?|条码|条形码|编码|编号|代码|信用代码|税号|"
    "登记号|受理号|回执号|缴费号|申请号|事项号|房屋编码|网格号|资产号|车架号|发动机号|许可号|备案号|项目号|票号|"
    "IMEI|imei|SN|sn|QQ|qq|微信|群号|抖音号?"
)
"""Words that say a number is not one of these, with what may stand between: `表号：`, `编号为`, `单号 `."""

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范"
    "金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤常温康施牛樊葛邢安齐易乔伍庞颜倪庄聂章"
    "鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳欧阳管柴蒙鲍华喻祁蒲房滕屈"
    "饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师仇栾隋商刁沙荣巫寇"
    "桑郎甄丛仲虞敖巩明佘池查麻苑迟邝官封谈匡鞠惠荆乐冀郁胥南班储原栗燕楚鄢劳谌奚皮粟冼蔺楼盘满闻厉伊仝区郜海阚花权强帅屠"
    "豆朴盖练廉禹井祖漆巴丰支卿国狄平计索宣晋初云容敬扈晁芮普阙浦戈伏鹿薄邸雍辜羊阿乌母裘亓修邰赫杭况宿鲜印逯隆茹诺战"
    "慕危玉银亢嵇哈湛宾戎勾茅干尉冶斯元束檀阴昝智衡富尧矫姿逄綦鄂衣阎劉張陳楊趙黃吳孫馬鄭謝許韓馮鄧蕭蔣餘葉蘇呂盧鍾譚陸賈韋鄒閻龍萬錢嚴"
)
_COMPOUND = "欧阳|上官|司马|诸葛|东方|皇甫|尉迟|公孙|慕容|司徒|令狐|夏侯|宇文|长孙|端木|南宫|轩辕|呼延|澹台|申屠|太史|百里|东郭|西门"

_NO_NAME = (
    "谢谢谢了衣柜房地高血高龄高空高温高度高层高压高中高考高速高额方便方面方向方案方式安全安装安排安静安置常年常住常常常见单元单位单独单号单身金额"
    "水管白天白色黄色马上马路陈旧陈述路灯路面路边路口路段路过车辆车位车库车主车祸车牌江边时间时常时候时期时段毛病毛坯于是于今"
    "和谐和睦周边周围周末周六周日周一周二周三周四周五周期曾经曾在曾有项目成立成功成员成年成都万元万一万分全部全家全体全程全市全村全区"
    "全国全面强烈强制解决解释解除计划计算计费计量房子房屋房主房东房产房间房门房租雷雨汤水冷水温度温馨温暖关于关注关闭关系关心应该"
    "应当应急田地石头左右左侧左边管道管理管网管线管委华庭任何任务余额施工张贴许多许可何时何地何人明天明确明显明年明知平时平台平房"
    "平均平方齐全康复元旦顾客平安支付支持司机林地林木宣传宣布申请申诉申报申领尚未尚有农田农民农村农业农户牛羊宁静古树古井满溢满意"
    "满满连续连日连接连带连廊商店商户商贩商铺商家商场商品商量商业步行夏天夏季巴士党员党委党群党支东侧花园花坛花草花费云梯海边海水"
    "海鲜海岸南侧南门南边南面北侧北门相关相邻相邀相处来电来访来自来人来回来源来源原因原来原告原址原先查看查询查处查明查封信访信息信用"
    "信件信号公司公共公交公园公厕公安公积公示公寓公路公开公民公告公证公益公里宾馆国家国际国道国有居民居住居委居家利用利益利息由于普通"
    "普遍普查官方乐器原本沙发沙子沙土皮肤皮鞋边上荣誉权利权益权属农具位于位置井盖井口满足干净干扰干部干活干涉但是但因智能幸好信箱"
    "区域区里区政花粉楼上楼下楼道楼梯楼顶楼房楼栋楼层楼体楼门楼前楼后楼内楼宇楼里楼面修理修路修建修缮修复修车都有都在都是都没池塘"
    "闻到闻见隆重那边那里那么那个那天阴雨阴天阴凉阴暗鲜花印刷印章玉米银行银杏哈哈呼吸呼叫展示展开富裕衡量衣服衣物练习广场阳台阳光"
    "阳历路牌石子石板石材雷电雷声武装谈话谈判费用费时费力包括包装包裹包庇包含童车严重严格严禁严厉常规常态温室温泉兰花金属金融黄昏黄土"
    "黄沙白酒白灰甘蔗甘薯游客游泳游乐游玩易燃易爆易懂柴火柴油尤其盛夏冷库冷气冷风成本成绩成片成堆成套程度程序蓝天蓝牙师傅师生毕业"
    "万家万福陆续陆地龙头江水江河汪洋池水沈海董事贺卡祝福祝愿章程舒适包厢席位米面米线米饭庄稼庄园乔木景观景区费率谷物盘点盘问盘山党建"
    "官网郎中桂花梅花梅雨荆棘蒙受蒙混童装童年童话苗木苗圃牛奶牛肉马桶马匹马车羊肉羊圈鱼塘花卉钱款钱财章子席地康养康乐邢台鲁能向上向下"
    "向前向后向东向西向南向北向社向政向相向有向物向居向村向街向我向他向市向区向业向导范围史料史无江湖江山高价高架高铁高校高效高清高大"
    "高低高等高级高声高利高处高原高峰高档高管高职任意任职任教任期任性任凭余下余款余热解答解散解体解冻车道车站车流"
    "车间车棚车窗车门车顶车速车费车费田间石灰石块石墩毛巾毛线向着费劲于当于次于昨于上于下于本于近于前于凌于去"
)
"""Beginnings of words, two signs each, that begin with a surname's sign."""

_NO_GIVEN = "的了在是有不没被把对向给让将从到这那哪什么怎吗呢吧啊呀也都还又就才再很太更最与和跟及或但而且因为所以如果虽"
"""Signs no given name holds."""

_ADDRESS_WORDS = (
    "先生|女士|小姐|同志|老师|师傅|大爷|大妈|大娘|大叔|大姐|大哥|阿姨|叔叔|奶奶|爷爷|老汉|老太太?|老伯|医生|大夫|主任|书记|"
    "经理|队长|所长|校长|院长|警官|律师|教授"
)
_PEOPLE = (
    "联系人|反映人|诉求人|来电人|投诉人|举报人|报警人|报案人|上访人|信访人|来访人|申请人|被申请人|当事人|受益人|收款人|持卡人|登记人|填报人|"
    "业主|户主|房主|房东|租户|租客|承租人|住户|姓名|负责人|法定代表人|法人|经办人|办理人|代办人|监护人|家长|家属|患者|病人|死者|伤者|逝者|"
    "老人|老党员|老兵|军属|居民|村民|市民|群众|店主|老板|摊主|网格员|调解员|楼长|楼栋长|组长|志愿者|我叫|我是|本人|名叫|叫做|名字叫|名字是|"
    "儿子|女儿|丈夫|妻子|父亲|母亲|儿媳|女婿|孙子|孙女|配偶|爱人|老伴|哥哥|弟弟|姐姐|妹妹|亲属|亲戚|邻居|学生|员工|职工|工人|同学|"
    "孩子|小孩|男子|女子|男孩|女孩|残疾人|低保户|低保对象|特困人员|独居老人|独居|车主|司机|驾驶员|原告|被告|甲方|乙方|联系|告知|致电|通知|"
    "受理人|回访人|接待人|记录人|包片干部|社工|书记|主任|医生|护士|快递员|保安|保洁|物业经理|客户|用户|用户名|户名|收件人|寄件人"
)
_SPEAK = (
    "反映|反应|来电|致电|来访|来信|投诉|举报|报警|报案|称|说|表示|咨询|求助|申请|要求|请求|电话|手机|联系电话|联系方式|身份证|证件|"
    "家住|住在|住|现年|今年|男|女|与|和|因|患|独居|本人|先生|女士|老人|户籍"
)
"""What stands behind a name at the beginning of a sentence."""
_AFTER = (
    f"{_SPEAK}|告诉|希望|建议|提出|认为|发现|就|为|跟|同|及|两|等|之间|发生|一家|家中|家里|家门|已|被|于|在|的|将|把|向|对|是|系|也|曾|又|从|经|"
    "无人|卧病|摔|去世|死亡|走失|上门|入户|到|去|前来|一直|多次|昨|今|当|早|晚|上午|下午|凌晨|不|无|有|欠|打|领|办|签|交|收|持|驾|骑|带"
)
"""What may stand behind a name that a word for people announces."""
_PLACE_END = "区县市镇乡村庄街巷苑府楼院店厂站所室号层栋座处费"

_HOUSE = "[0-9一二三四五六七八九十百零〇]{1,5}"
_ESTATE = (
    "小区|花园|花苑|新苑|苑|家园|家苑|公寓|公馆|庭院|华庭|庭|府|湾|里|城|新城|新村|国际|广场|大厦|名邸|名苑|佳苑|名城|嘉园|雅苑|丽景|"
    "豪庭|院|园|居|郡|阁|轩|坊|墅|岸|社区|楼宇|宿舍|家属楼|安置房"
)
_VILLAGE = "[一-龥]{1,8}(?:村|庄|屯|疃|夼|寨|堡|营|埠|社区|沟|塘|湾|坡|集|店|泊|家)"

_PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云渝藏陕甘青宁新"

_ID18 = (
    "^(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|81|82|83)[0-9]{4}(19|20)[0-9]{2}"
    "(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]$"
)
_ID15 = "^(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])[0-9]{4}[2-9][0-9](0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}$"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CARD = "^(62[0-9]{14,17}|4[0-9]{15}|5[1-5][0-9]{14}|9558[0-9]{15}|60(13|14)[0-9]{12,15})$"


def holds(detector: str, text: str) -> str:
    """SQL, true where the text (SQL) holds what the detector looks for; false for null."""
    return f"coalesce(holds_{detector}({text}), false)"


def is_bare(detector: str, text: str) -> str:
    """SQL, true where the whole text looks like it: says something only where most of a column does."""
    return f"coalesce(bare_{detector}({text}), false)"


def macros() -> Iterator[str]:
    """Statements that create the detectors on a connection, for as long as it lives."""
    bodies = _bodies()
    for head, body in sorted(
        bodies.items(), key=lambda item: not item[0].startswith("pd_")
    ):  # parts before what uses them
        yield f"create or replace temp macro {head} as {body}"


def _bodies() -> dict[str, str]:
    check = " + ".join(f"{w} * try_cast(substr(t, {i + 1}, 1) as integer)" for i, w in enumerate(_WEIGHTS))
    return {
        # full-width signs made narrow, and numbers written in groups made one
        "pd_plain(t)": f"translate(t, '{''.join(_WIDE)}', '{''.join(_WIDE.values())}')",
        "pd_joined(p)": _joined("p"),
        "pd_unlabelled(p)": f"regexp_replace(p, '(?:{_LABELS})码?[是为]?[ :：]{{0,3}}[0-9A-Za-z-]{{4,}}', ' ', 'g')",
        "pd_words(p)": "list_transform(regexp_extract_all(p, '[0-9A-Za-z]{11,30}'), lambda w: regexp_replace(w, '^[A-Za-z]+', ''))",
        "pd_is_id18(t)": f"regexp_matches(t, '{_ID18}') and try_strptime(substr(t, 7, 8), '%Y%m%d') is not null and "
        f"substr('10X98765432', 1 + ({check}) % 11, 1) = upper(substr(t, 18, 1))",
        "pd_is_id(t)": "case length(t) when 18 then pd_is_id18(t) "
        "when 20 then pd_is_id18(t[1:18]) and regexp_matches(t, '[1-7][1-4]$') else false end",
        "pd_is_id15(t)": f"regexp_matches(t, '{_ID15}')",
        "pd_luhn(t)": "list_sum(list_transform(range(1, length(t) + 1), lambda i: "
        "case when i % 2 = 1 then try_cast(substr(reverse(t), i, 1) as integer) "
        "else (try_cast(substr(reverse(t), i, 1) as integer) * 2) // 10 + (try_cast(substr(reverse(t), i, 1) as integer) * 2) % 10 end)) % 10 = 0",
        "pd_is_card(t)": f"case when regexp_matches(t, '{_CARD}') and not regexp_matches(t, '{_ID18}') then pd_luhn(t) else false end",
        "pd_is_mobile(t)": "regexp_matches(t, '^(0|86|0086)?1[3-9][0-9]{9}$')",
        "holds_id_number(t)": f"case when {_run(14)} and not regexp_full_match(t, '[0-9]{{15}}') "
        "then pd_holds_id(pd_joined(pd_plain(t))) end",
        "pd_holds_id(p)": "len(list_filter(pd_words(p), lambda w: pd_is_id(w))) > 0 or "
        "len(list_filter(pd_words(pd_unlabelled(p)), lambda w: length(w) = 15 and pd_is_id15(w))) > 0",
        "bare_id_number(t)": "case when regexp_full_match(t, '[0-9]{15}') then pd_is_id15(t) end",
        "holds_bank_card(t)": f"case when {_run(16)} and not regexp_full_match(t, '[0-9 ]+') then "
        "len(list_filter(pd_words(pd_unlabelled(pd_joined(pd_plain(t)))), lambda w: length(w) between 16 and 19 and pd_is_card(w))) > 0 end",
        "bare_bank_card(t)": "case when regexp_full_match(t, '[0-9 ]{16,24}') then pd_is_card(replace(t, ' ', '')) end",
        "holds_phone(t)": f"case when {_run(7)} and not regexp_full_match(t, '[0-9]+') then "
        "pd_holds_phone(pd_unlabelled(pd_joined(pd_plain(t)))) end",
        "pd_holds_phone(p)": "len(list_filter(pd_words(p), lambda w: length(w) between 11 and 15 and pd_is_mobile(w))) > 0 or "
        r"regexp_matches(p, '(?:^|[^0-9A-Za-z.-])\(?0(?:10|2[0-9]|[3-9][0-9]{2})\)?[- ]?[2-9][0-9]{6,7}(?:$|[^0-9A-Za-z.])') or "
        "regexp_matches(p, '(?:电话|座机|固话|致电|拨打|来电号码|联系方式)[是为: ]{0,3}[2-8][0-9]{2,3}[- ]?[0-9]{4}(?:$|[^0-9A-Za-z.元])')",
        "bare_phone(t)": "case when regexp_full_match(t, '[0-9]{11,14}') then pd_is_mobile(t) or "
        "regexp_matches(t, '^0(10|2[0-9]|[3-9][0-9]{2})[2-8][0-9]{6,7}$') end",
        "holds_plate(t)": f"case when regexp_matches(t, '[{_PROVINCES}][A-ZＡ-Ｚ]') then "
        f"regexp_matches(regexp_extract(pd_plain(t), '[{_PROVINCES}][A-HJ-NP-Z][·. ]?[A-HJ-NP-Z0-9]{{4,5}}[A-HJ-NP-Z0-9挂学警]"
        "(?:$|[^0-9A-Za-z-])'), '[0-9]') end",
        "holds_address(t)": f"case when regexp_matches(t, '[0-9０-９一二三四五六七八九十]') then {_address('pd_plain(t)')} end",
        "holds_person_name(t)": f"case when regexp_matches(t, '[一-龥]{{2}}') and not regexp_full_match(t, '[一-龥]{{2,4}}') then {_person('pd_plain(t)')} end",
        "bare_person_name(t)": f"regexp_full_match(t, '(?:{_COMPOUND})[一-龥]{{1,2}}|[{_SURNAMES}][一-龥]{{1,2}}') "
        f"and not {_ordinary('t')}",
    }  # fmt: skip


def _run(digits: int) -> str:
    """SQL, true for a text with so many digits in a row, groups counted as one: what is cheap to ask is asked first."""
    return f"regexp_matches(t, '[0-9０-９](?:[-－ 　)）]?[0-9０-９]){{{{{digits - 1}}}}}')".replace("{{", "{").replace(
        "}}", "}"
    )


def _joined(text: str) -> str:
    """`138 0535 1234`, `370602 19800101 1234`, `6222 0012 …` as one number each."""
    out = text
    for pattern, groups in (
        ("(^|[^0-9A-Za-z-])((?:[+]?86[- ]?)?1[3-9][0-9])[- ]([0-9]{4})[- ]([0-9]{4})($|[^0-9A-Za-z])", 5),
        ("(^|[^0-9A-Za-z-])([0-9]{6})[- ]([0-9]{8})[- ]([0-9]{3}[0-9Xx])($|[^0-9A-Za-z])", 5),
        (
            "(^|[^0-9A-Za-z-])([0-9]{4})[- ]([0-9]{4})[- ]([0-9]{4})[- ]([0-9]{4})(?:[- ]([0-9]{1,3}))?($|[^0-9A-Za-z])",
            7,
        ),
        ("(^|[^0-9A-Za-z-])(86)[- ](1[3-9][0-9]{9})($|[^0-9A-Za-z])", 4),
    ):
        replacement = "".join(f"\\{i}" for i in range(1, groups + 1))
        out = f"regexp_replace({out}, '{pattern}', '{replacement}', 'g')"
    return f"case when regexp_matches({text}, '[0-9][- ][0-9]') then {out} else {text} end"


def _address(text: str) -> str:
    """A road with a house, a house or flat of an estate, a house or group of a village."""
    after_number = "(?:$|[^线车令文台机炉标井位人元]|位于)"
    patterns = (
        f"[一-龥]{{1,7}}(?:路|街|巷|道|胡同|弄|里)(?:东|西|南|北|中)?段?{_HOUSE}(?:-[0-9]{{1,3}})?号{after_number}",
        f"[一-龥]{{2}}[ ]?(?:[0-9]{{1,4}}|{_HOUSE}|[A-Z])(?:号楼|#楼|#|栋|幢)",
        f"(?:{_ESTATE})[ ]?{_HOUSE}[号座](?:[0-9]{{1,2}}单元|[0-9]{{3,4}}|楼|$|[,。;、\\s])",
        f"{_HOUSE}单元[ ]?[0-9]{{1,4}}(?:室|户|号)?",
        f"(?:{_ESTATE})[0-9]{{1,3}}[-—][0-9]{{1,2}}[-—][0-9]{{2,4}}",
        f"{_VILLAGE}(?:[0-9]{{1,4}}(?:-[0-9]{{1,3}})?号|{_HOUSE}组(?:[0-9]{{1,4}}号)?|(?:东|西|南|北)?[0-9]{{1,3}}(?:胡同|巷|排)){after_number}",
    )
    return f"regexp_matches({text}, '{'|'.join(patterns)}')"


def _ordinary(name: str) -> str:
    """SQL, true for two or three signs that begin like a word, end like a place, or hold what no name does."""
    pairs = sorted({_NO_NAME[i : i + 2] for i in range(0, len(_NO_NAME), 2)})
    return f"regexp_matches({name}, '^(?:{'|'.join(pairs)})|.[{_NO_GIVEN}]|[{_PLACE_END}]$')"


def _person(text: str) -> str:
    """A name behind a word for people, before a word of speaking at a sentence's beginning, with a form of address, 某, or ·."""
    name = f"(?:(?:{_COMPOUND})[一-龥]{{1,2}}|[{_SURNAMES}] ?[一-龥]{{1,2}}?)"
    opening = '(?:^|[,。;!?:、()\\s"“”\\[【_/-])'
    end = f"(?:$|[^一-龥]|{_AFTER})"
    before = f"(?:^|[^一-龥]|{_PEOPLE}|[与和跟同对被向给的叫是为名位])"
    candidates = (
        f'(?:{_PEOPLE})[:是为叫\\s"]{{0,5}}({name}){end}',
        f"{opening}({name})(?:[(,:、 ]?(?:{_SPEAK}|1[3-9][0-9]{{9}}|[0-9]{{17}}))",
        f"[与和跟同被找对向给及、]({name})(?:因|发生|之间|的|家|先生|女士|打|殴|骗|签|$|[,。;:(])",
        f"(?:^|[,。;!?、\\n])({name})(?:$|[,。;!?、\\n(])",
        f'"name" ?: ?"({name})"',
        f"{before}({name}(?:{_ADDRESS_WORDS}|老人))",
        f"{before}((?:{_COMPOUND}|[{_SURNAMES}])(?:{_ADDRESS_WORDS}))",
    )
    found = " or ".join(
        f"case when regexp_matches({text}, '{c}') then "
        f"len(list_filter(regexp_extract_all({text}, '{c}', 1), lambda n: not {_ordinary('n')})) > 0 else false end"
        for c in candidates
    )
    some = f"regexp_extract_all({text}, '(?:{_COMPOUND}|[{_SURNAMES}])某[一-龥]{{0,2}}')"
    return (
        f"({found} or case when regexp_matches({text}, '[一-龥]某') then len(list_filter({some}, lambda n: not regexp_matches(n, '某(?:些|种|个|处|天|日|年|月|人|地|路|楼|栋|村|小|公|单|企|店|社)'))) > 0 else false end "
        f"or regexp_matches({text}, '[一-龥]{{2,6}}·[一-龥]{{2,6}}'))"
    )
