"""What else lies in a drop folder: lock files, system files, empty files, copies and workbooks nobody announced."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from sample_city.layouts import PLAIN, XlsxWriter, ole_header
from sample_city.truth import Answers
from sample_city.world import World

_LOCK = (
    b"\x05minzh" + b"\x00" * 49 + b"\x05\x00m\x00i\x00n\x00z\x00h\x00" + b"\x00" * 99
)  # user name, as Office leaves it


def scatter(world: World, period: int, root: Path, answers: Answers) -> None:
    """Drops the noise of a delivery below `root`."""
    day = world.day_text(period)

    def put(path: str, content: bytes, kind: str, note: str = "") -> None:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        answers.file(period, "noise", f"{root.name}/{path}", kind, note=note)

    def copy(original: str, name: str) -> None:
        put(name, (root / original).read_bytes(), "duplicate_file", f"same bytes as {root.name}/{original}")

    put("minzheng/~$高龄津贴发放表.xls", _LOCK, "lock", "office lock file")
    put("gongan/.DS_Store", b"\x00\x00\x00\x01Bud1" + b"\x00" * 248, "system")
    put("shichang/Thumbs.db", ole_header(), "system")
    if period == 1:
        put("shichang/市场主体_补报.csv", b"", "empty", "0 bytes")
        copy(f"minzheng/殡葬火化登记_{day}.csv", f"minzheng/复件 殡葬火化登记_{day}.csv")
        sheet = f"canlian/{day[:4]}年助残日活动签到表.xlsx"
        _unknown(world, root / sheet, period)
        answers.file(period, "noise", f"{root.name}/{sheet}", "unknown", note="no contract")
    else:
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
