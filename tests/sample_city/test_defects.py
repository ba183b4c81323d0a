"""Each kind of defect: what it does to a cell, and that it can or cannot be undone as declared."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import polars as pl
import pytest

from sample_city import defects, profiles
from sample_city.defects import DAMAGES, Defect, Luck, hurt_column
from sample_city.draw import Draw
from sample_city.names import RARE

NUMBER = "37060219900101123X"
DIGITS = "370602199001011234"
ADDRESS = "山东省烟台市莱山区初家街道凤凰社区港城路103号海韵小区2号楼1单元301号"


def damaged(kind: str, cell: str) -> set[str]:
    """All that a kind may make of a cell (what leaves it unchanged or does not apply left out)."""
    frame = pl.DataFrame({"t": [cell] * 600, "r": np.arange(600)})
    return {d for d in frame.with_columns(d=DAMAGES[kind])["d"] if d is not None and d != cell}


def sound(number: str) -> bool:
    return number[-1] == "0123456789X"[(1 - 2 * int(number[:-1], 13)) % 11]


@pytest.mark.parametrize("kind", ["id_bad_check", "id_transposed"])
def test_wrong_numbers_fail_their_check(kind: str) -> None:
    number = "370101190102039973"
    assert sound(number)
    made = damaged(kind, number)
    assert len(made) >= 3
    assert all(len(m) == 18 and not sound(m) for m in made)


def test_spreadsheet_damage_is_that_of_a_double() -> None:
    assert damaged("id_excel_float", "370602199001011234") == {"370602199001011264"}
    assert damaged("id_excel_000", "370602199001011234") == {"370602199001011000"}
    assert damaged("id_excel_000", NUMBER) == set()


def test_fifteen_digits_only_for_the_last_century() -> None:
    assert damaged("id_15_digit", DIGITS) == {"370602900101123"}
    assert damaged("id_15_digit", "370602200101011234") == set()


@pytest.mark.parametrize("kind", ["id_lower_x", "id_fullwidth", "id_spaces", "id_apostrophe", "id_star_x"])
def test_number_damage_that_can_be_undone(kind: str) -> None:
    assert defects.recoverable(kind)
    for text in damaged(kind, NUMBER):
        plain = unicodedata.normalize("NFKC", text).replace("×", "X").replace("*", "X").upper()
        assert re.sub(r"[\s']", "", plain) == NUMBER


@pytest.mark.parametrize(
    "kind", ["addr_dashes", "addr_hash", "addr_no_province", "addr_office", "addr_old_name", "spaces"]
)
def test_address_damage(kind: str) -> None:
    made = damaged(kind, ADDRESS)
    assert made
    assert all(re.search(r"2\D*1\D*301", m) for m in made)


def test_names() -> None:
    assert "艾力•买买提" in damaged("name_dot", "艾力·买买提")
    assert damaged("name_dot", "王伟") == set()
    assert {unicodedata.normalize("NFKC", m) for m in damaged("name_kangxi", "高玉山")} == {"高玉山"}
    assert damaged("name_rare_variant", "孙玥") == {"孙月"}
    assert {"孙?", "孙", "孙yue"} <= damaged("name_rare_lost", "孙玥")
    assert "王\u3000伟" in damaged("name_space", "王伟")
    assert set(defects.RARE_CHARACTERS) == set(RARE)


def test_dates() -> None:
    assert "1990年1月5日" in damaged("date_other_format", "1990-01-05")
    assert damaged("date_serial", "1900.03.01") == {"61"}
    assert damaged("date_impossible", "19900105") == {"1990-02-30"}
    assert damaged("date_dmy", "2016.05.16") == {"16/05/2016"}
    assert damaged("date_serial", "不详") == set()


def test_every_declared_kind_exists() -> None:
    from sample_city import sources

    declared = {
        d.kind for s in sources.every() for period in (1, 2) for c in s.columns(period) for d in c.defects
    }  # fmt: skip
    assert declared <= set(DAMAGES)
    assert len(declared) > 40


def test_quarantine_rule() -> None:
    assert defects.quarantine("id_bad_check", in_key=True) == "yes"
    assert defects.quarantine("id_bad_check") == "no"
    assert defects.quarantine("id_excel_000", in_key=True) == "maybe"
    assert defects.quarantine("truncated_line") == "yes"
    assert defects.quarantine("duplicate_exact") == "maybe"
    assert defects.quarantine("id_15_digit", in_key=True) == "no"


def test_engine_keeps_rates_logs_and_the_rest() -> None:
    ids = np.arange(40_000)
    text = pl.Series([DIGITS] * len(ids))
    luck = Luck.of(Draw(1), "test", ids, 1)
    hurt, logs = hurt_column(luck, "c", text, (Defect("id_spaces", 0.05), Defect("id_apostrophe", 0.02)), in_key=True)
    by_kind = {log.kind: len(log.at) / len(ids) for log in logs}
    assert by_kind["id_spaces"] == pytest.approx(0.05, rel=0.1)
    assert by_kind["id_apostrophe"] == pytest.approx(0.02 * 0.95, rel=0.1)
    touched = np.concatenate([log.at for log in logs])
    assert len(set(touched.tolist())) == len(touched)
    changed = np.flatnonzero((hurt != text).to_numpy())
    assert set(changed.tolist()) == set(touched.tolist())
    assert (text == DIGITS).all()


def test_most_damage_lasts_until_the_next_delivery() -> None:
    ids, defect = np.arange(50_000), (Defect("phone_dash", 0.02),)
    text = pl.Series(["13812345678"] * len(ids))
    first, second = (
        set(hurt_column(Luck.of(Draw(1), "s", ids, p), "c", text, defect, in_key=False)[1][0].at.tolist())
        for p in (1, 2)
    )
    assert 0.85 < len(first & second) / len(first) < 0.99


def test_empty_cells_stay_empty() -> None:
    ids = np.arange(1000)
    text = pl.Series([""] * 1000)
    hurt, logs = hurt_column(Luck.of(Draw(1), "s", ids, 1), "c", text, profiles.phones(blank=0.5), in_key=False)
    assert not logs
    assert (hurt == "").all()
