"""The set-based road gives the same rows as the record-by-record road, whatever the text holds."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ingestion.readers import bulk, probe
from ingestion.readers.model import RawResult
from tests.ingestion.readers.helpers import to_raw

HEADER = ["序号", "姓名", "地址", "金额", "备注"]


def both_roads(
    path: Path, folder: Path, piece: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[tuple[RawResult, pl.DataFrame], tuple[RawResult, pl.DataFrame]]:
    found = probe(path)
    with monkeypatch.context() as patch:
        patch.setattr(bulk, "SMALLEST", 0)
        patch.setattr(bulk, "PIECE", piece)
        patch.setattr(bulk, "PARSED", max(piece // 3, 64))
        assert bulk.suits(found, found.tables[:1])
        fast = to_raw(found, [found.tables[0]], folder / "fast.parquet")
    with monkeypatch.context() as patch:
        patch.setattr(bulk, "SMALLEST", 1 << 60)
        slow = to_raw(found, [found.tables[0]], folder / "slow.parquet")
    return fast, slow


def compare(fast: tuple[RawResult, pl.DataFrame], slow: tuple[RawResult, pl.DataFrame]) -> None:
    assert_frame_equal(fast[1], slow[1])
    assert fast[0].rows_by_kind == slow[0].rows_by_kind
    assert sorted((u.row_number, u.reason_en) for u in fast[0].unread) == sorted(
        (u.row_number, u.reason_en) for u in slow[0].unread
    )


def dirty_lines(rnd: random.Random, rows: int, quoted: bool) -> list[str]:
    out = []
    for n in range(rows):
        name = rnd.choice(["王伟", "李芳", "统计员", "张 三", ""])
        address = (
            f"幸福街道{n}号"
            if not quoted or rnd.random() < 0.5
            else f'"幸福街道{n}号,{"换" if rnd.random() < 0.7 else chr(10)}行 ""楼"""'
        )
        out.append(f"{n},{name},{address},{rnd.randint(1, 999)}.5,{rnd.choice(['', '无'])}")
        odd = rnd.random()
        if odd < 0.02:
            out.append(
                rnd.choice(
                    [
                        "",
                        "合计,,,99,",
                        ",".join(HEADER),
                        f"{n},少",
                        f"{n},多,一,列,吗,是,的",
                        "注：以上为全部,,,,",
                        ",,,,",
                        "小 计,,,5,",
                        f'{n},"没有闭合,x,1,2',
                        "   ",
                        '5,a"b,c,d,e',
                    ]
                )
            )
    return out


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_dirty_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quoted: bool, encoding: str, newline: str) -> None:
    rnd = random.Random(f"{quoted}{encoding}{newline}")
    lines = [",".join(HEADER), *dirty_lines(rnd, 1_500, quoted)]
    path = tmp_path / "t.csv"
    path.write_bytes((newline.join(lines) + newline).encode(encoding))
    for piece in (700, 5_000, 1 << 20):
        compare(*both_roads(path, tmp_path, piece, monkeypatch))


def test_bad_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [",".join(HEADER).encode(), *(line.encode() for line in dirty_lines(random.Random(5), 500, quoted=False))]
    lines[100:100] = [b"1,\xff\xfe,x,2,3", "2,王伟,地址,2,3".encode("gb18030")]
    path = tmp_path / "t.csv"
    path.write_bytes(b"\n".join(lines))
    for piece in (900, 1 << 20):
        compare(*both_roads(path, tmp_path, piece, monkeypatch))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(
            st.sampled_from(["", "a", '"', '""', ",", "\n", "1", "合计", "b c", '"x"', '"y\nz"', "\r"]),
            min_size=1,
            max_size=8,
        ),
        min_size=1,
        max_size=30,
    ),
    st.integers(20, 200),
)
def test_any_soup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: list[list[str]], piece: int) -> None:
    path = tmp_path / "t.csv"
    body = "\n".join("".join(parts) for parts in pieces)
    sound = "\n".join(f"{n},王,西路,{n}.5,好" for n in range(20))
    path.write_text(f"{','.join(HEADER)}\n{sound}\n{body}\n{sound}\n", encoding="utf-8", newline="")
    found = probe(path)
    if found.tables and bulk.suits(found, found.tables[:1]) is False and (len(found.tables) != 1):
        return
    with monkeypatch.context() as patch:
        patch.setattr(bulk, "SMALLEST", 0)
        if not bulk.suits(found, list(found.tables)):
            return
    compare(*both_roads(path, tmp_path, piece, monkeypatch))
