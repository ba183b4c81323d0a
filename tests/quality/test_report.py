"""The page of a build's gates: complete, escaped, self-contained."""

from __future__ import annotations

import re
from typing import Any

import pytest

from quality import report
from quality.gates import Failure, GateReport, Result
from warehouse.home import Home

EVIL = "<script>alert(1)</script>&\"'{{ 7*7 }}"


def gate(layer: str, *failures: Failure, passed: bool = True) -> GateReport:
    failed = {s: sum(f.severity == s for f in failures) for s in ("critical", "warning", "info")}
    results = [
        Result("s", "套件", f.expectation, f.column, f.severity, False, 3, 10, "3 / 10", "应然", "expected", [f])
        for f in failures
    ]
    results.append(Result("s", "套件", "fine", "列", "critical", True, 0, 10, "0 / 10", "没有问题", "nothing wrong"))
    return GateReport(
        "b1", layer, passed, "2026-11-01T20:00:00+00:00", 1.5, len(results), failed, results, "reports/b1/gates.html"
    )


def finding(severity: str, text: str = "一条发现") -> Failure:
    return Failure("s", "rule", "c", severity, 3, 10, "3 / 10", text, "a finding")


@pytest.fixture
def home(tmp_path: Any) -> Home:
    return Home.at(tmp_path / "home").prepare()


def test_the_page_gathers_the_gates_of_the_build_in_order(home: Home) -> None:
    report.write(home, gate("marts"))
    page = report.write(home, gate("staging", finding("warning")))
    text = page.read_text(encoding="utf-8")
    assert page == home.reports / "b1" / "gates.html"
    assert text.index('id="staging"') < text.index('id="marts"')
    assert "尚未运行" in text  # foundation
    assert "一条发现" in text
    assert "2026-11-02 04:00:00" in text  # Beijing
    assert "放行" in text and "已拦截" not in text


def test_a_stopped_build_says_so(home: Home) -> None:
    text = report.write(home, gate("staging", finding("critical"), finding("info"), passed=False)).read_text(
        encoding="utf-8"
    )
    assert "已拦截" in text
    assert "上一次发布的底座" in text


def test_everything_is_escaped(home: Home) -> None:
    evil = Failure(EVIL, EVIL, EVIL, "critical", 3, 10, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL)
    text = report.write(home, gate("staging", evil, passed=False)).read_text(encoding="utf-8")
    assert "<script" not in text
    assert "{{ 7*7 }}" in text  # data is no template
    assert "49" not in re.sub(r"<style>.*?</style>", "", text, flags=re.S)


def test_the_page_loads_nothing(home: Home) -> None:
    text = report.write(home, gate("staging", finding("warning"))).read_text(encoding="utf-8")
    assert not re.search(r"https?://|<script|<link|<img|@import|url\(", text)
    assert "default-src 'none'" in text


def test_many_findings_are_cut_with_a_word(home: Home) -> None:
    text = report.write(home, gate("staging", *(finding("warning", f"第{n}条") for n in range(150)))).read_text(
        encoding="utf-8"
    )
    assert "第99条" in text and "第100条" not in text
    assert "另有 50 条" in text
