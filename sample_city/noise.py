"""What else lies in a drop folder: lock files, system files, empty files, copies and workbooks nobody announced."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Set
from datetime import date, timedelta
from pathlib import Path

from sample_city.layouts import PLAIN, XlsxWriter, ole_header
from sample_city.truth import Answers
from sample_city.world import World

_LOCK = (
    b"\x05minzh" + b"\x00" * 49 + b"\x05\x00m\x00i\x00n\x00z\x00h\x00" + b"\x00" * 99
)  # user name, as Office leaves it


def _half_workbook() -> bytes:
    """A workbook whose transfer broke off: the first part of a zip, without its directory."""
    return _zip("xl/worksheets/sheet1.xml", b"<worksheet><sheetData>" + bytes(range(256)) * 24)[:3000]


def _outside() -> bytes:
    """A zip whose member would land outside the folder."""
    return _zip("../../补充.csv", "编号,备注\n1,补充\n".encode())


def _zip(name: str, content: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name, (2026, 10, 31, 9, 0, 0)), content)
    return held.getvalue()


def _readme() -> bytes:
    return "地址库每月更新，有问题请联系大数据局数据科。\n".encode()


def _plan() -> bytes:
    return "学校,计划人数\n第一中学,900\n第二中学,850\n".encode()


# dataset it belongs to, path, how it is made, kind, note
_SPOILT: tuple[tuple[str, str, Callable[[], bytes], str, str], ...] = (
    ("sifa.jiufen", "sifa/人民调解案件台账（定稿）.xlsx", _half_workbook, "corrupt", "half of a workbook"),
    ("yibao.canbao", "yibao/医保密文.xlsx", ole_header, "password", "OLE container such as an encrypted workbook"),
    ("yibao.canbao", "yibao/补充材料.zip", _outside, "unsafe", "member path leaves the folder"),
    ("jiaoyu.xueji", "jiaoyu/{year}年招生计划.csv", _plan, "unknown", "no contract"),
    ("dashuju.dizhiku", "dashuju/README.txt", _readme, "unknown", "free text"),
)


def scatter(world: World, period: int, root: Path, answers: Answers, datasets: Set[str]) -> None:
    """Drops the noise of a delivery below `root`; some of it belongs to a dataset that must have been delivered."""
    day = world.day_text(period)

    def put(path: str, content: bytes, kind: str, note: str = "") -> None:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        answers.file(period, "noise", f"{root.name}/{path}", kind, note=note)

    def copy(original: str, name: str) -> None:
        if (root / original).exists():
            put(name, (root / original).read_bytes(), "duplicate_file", f"same bytes as {root.name}/{original}")

    put("minzheng/~$高龄津贴发放表.xls", _LOCK, "lock", "office lock file")
    put("gongan/.DS_Store", b"\x00\x00\x00\x01Bud1" + b"\x00" * 248, "system")
    put("shichang/Thumbs.db", ole_header(), "system")
    if period == 1:
        for dataset, path, make, kind, note in _SPOILT:
            if dataset in datasets:
                put(path.format(year=day[:4]), make(), kind, note)
        put("shichang/市场主体_补报.csv", b"", "empty", "0 bytes")
        if "minzheng.huohua" in datasets:
            copy(f"minzheng/殡葬火化登记_{day}.csv", f"minzheng/复件 殡葬火化登记_{day}.csv")
        sheet = f"canlian/{day[:4]}年助残日活动签到表.xlsx"
        _unknown(world, root / sheet, period)
        answers.file(period, "noise", f"{root.name}/{sheet}", "unknown", note="no contract")
    elif "rexian.gongdan" in datasets:
        copy(f"rexian/12345工单_{day}.csv", f"rexian/12345工单_{day}(1).csv")


def _unknown(world: World, path: Path, period: int) -> None:
    import numpy as np
    import polars as pl

    path.parent.mkdir(parents=True, exist_ok=True)
    day = date(1970, 1, 1) + timedelta(days=world.day(period))
    book = XlsxWriter(
        path,
        headers=[["活动签到表"], ["签到序号", "单位", "到场人数"]],
        merges=[(0, 0, 0, 2)],
        kinds=["number", "text", "number"],
        day=day,
    )
    rows = pl.DataFrame({"a": ["1", "2", "3"], "b": ["市残联", "市民政局", "志愿者协会"], "c": ["4", "2", "15"]})
    book.write(rows, np.full(3, PLAIN), "Sheet1", "")
    book.close()
