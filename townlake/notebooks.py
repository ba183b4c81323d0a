"""Notebooks as pages: `python -m townlake.notebooks` runs each on the published foundation and writes one HTML of each.

marimo's own HTML export loads its scripts from the internet, which an office network does not have. Here a notebook is
run as a program and its outputs become plain HTML: charts as inline SVG, frames as tables, text as text.
"""

from __future__ import annotations

import argparse
import ast
import html
import importlib.util
import math
import re
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ingestion.files import write_atomic
from warehouse.errors import TownlakeError, WrongUse, explain
from warehouse.home import REPOSITORY, Home
from warehouse.lake import published_snapshot, reading

NOTEBOOKS = REPOSITORY / "notebooks"
BEIJING = timezone(timedelta(hours=8))
MAX_ROWS = 200
SHORT_TEXT = 12


@dataclass(frozen=True)
class Block:
    """One cell of a page: its source, where the notebook shows it, and what it answered."""

    code: str
    output: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Renders the notebooks and prints the pages' paths. Returns the exit code: 0, 2 wrong use, 3 nothing published."""
    parser = argparse.ArgumentParser(
        "python -m townlake.notebooks", description="Notebooks as pages that open offline."
    )
    parser.add_argument("--out", type=Path, help="folder of the pages [default: reports/notebooks of TOWNLAKE_HOME]")
    parser.add_argument("names", nargs="*", help="notebooks to render [default: all of notebooks/]")
    asked = parser.parse_args(arguments)
    home = Home.from_environment()
    try:
        for page in render_all(home, asked.out or home.reports / "notebooks", asked.names):
            print(page)
    except (TownlakeError, OSError) as error:
        known = explain(error)
        if known is None:
            raise
        print(f"townlake: {known}", file=sys.stderr)
        return known.exit_code
    return 0


def render_all(home: Home, out: Path, names: Sequence[str] = ()) -> list[Path]:
    """Pages of the named notebooks, or of all. Raises EnvironmentFault where nothing is published yet."""
    with reading(home):
        snapshot = published_snapshot(home)
    found = {path.stem: path for path in sorted(NOTEBOOKS.glob("*.py"))}
    if unknown := [name for name in names if name not in found]:
        raise WrongUse(f"there is no notebook {unknown[0]!r}: choose from {', '.join(found)}")
    pages = []
    for name in names or found:
        page = out / f"{name}.html"
        write_atomic(page, render(found[name], snapshot).encode())
        pages.append(page)
    return pages


def render(notebook: Path, snapshot: int | None = None) -> str:
    """The page of one notebook, run now in this process on TOWNLAKE_HOME."""
    app = _load(notebook)
    try:
        outputs, definitions = app.run()
    except Exception as error:  # marimo wraps what a cell raised
        cause = _cause(error)
        raise cause or error from error
    if "stack" in definitions:
        definitions["stack"].close()
    shown = shown_code(notebook.read_text(encoding="utf-8"))
    blocks = [Block(code, markup(output)) for code, output in zip(shown, outputs, strict=True)]
    return _page(notebook.stem, blocks, snapshot)


def _load(notebook: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"notebook_{notebook.stem}", notebook)
    if spec is None or spec.loader is None:
        raise WrongUse(f"{notebook.name} is not a notebook")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.app


def _cause(error: BaseException) -> TownlakeError | None:
    """The clear sentence inside what a notebook raised, if there is one."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, TownlakeError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def shown_code(source: str) -> list[str]:
    """Source of each cell in order; empty for cells that hide their code."""
    cells = []
    for node in ast.parse(source).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        marks = [ast.unparse(d) for d in node.decorator_list]
        if any(mark.startswith("app.cell") for mark in marks):
            hidden = any("hide_code=True" in mark for mark in marks)
            cells.append("" if hidden else _body(source, node))
    return cells


def _body(source: str, cell: ast.FunctionDef) -> str:
    """A cell as the notebook shows it: its body, without the return that marimo adds."""
    statements = [s for s in cell.body if not isinstance(s, ast.Return)]
    if not statements:
        return ""
    lines = source.splitlines()[statements[0].lineno - 1 : statements[-1].end_lineno]
    return textwrap.dedent("\n".join(lines))


# ---- outputs --------------------------------------------------------------------------------------------------------


def markup(output: Any) -> str:
    """HTML of one output: a chart, a frame, marimo's text, or anything else as text."""
    if output is None:
        return ""
    if hasattr(output, "to_dict") and "altair" in type(output).__module__:
        return _chart(output.to_dict())
    if hasattr(output, "iter_rows") and hasattr(output, "columns"):
        return _table(output)
    if type(output).__module__.startswith("marimo"):
        return _prose(output.text)
    return f"<pre>{html.escape(str(output))}</pre>"


def _chart(specification: dict[str, Any]) -> str:
    """An Altair chart as inline SVG, drawn here; the namespace addresses are not needed inside HTML."""
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(specification)
    svg = re.sub(r'\s+xmlns(?::\w+)?="[^"]*"', "", svg)
    return f'<figure class="chart">{svg}</figure>'


def _table(frame: Any) -> str:
    """A polars frame as a table; numbers to the right, short texts on one line, at most MAX_ROWS rows."""
    shown = frame.head(MAX_ROWS)
    columns = [
        (name, *_column(shown[name], dtype.is_numeric()))
        for name, dtype in zip(shown.columns, shown.dtypes, strict=True)
    ]
    head = "".join(f"<th{style}>{html.escape(name)}</th>" for name, style, _ in columns)
    styled = [[f"<td{style}>{cell}</td>" for cell in cells] for _, style, cells in columns]
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in zip(*styled, strict=True))
    if not frame.height:
        body = f'<tr><td class="none" colspan="{max(1, len(columns))}">没有</td></tr>'
    more = f'<p class="more">共 {frame.height:,} 行，只列出前 {MAX_ROWS} 行。</p>' if frame.height > MAX_ROWS else ""
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'


def _column(values: Any, is_number: bool) -> tuple[str, list[str]]:
    """A column's style and its cells as HTML."""
    given = values.to_list()
    known = [value for value in given if value is not None]
    if is_number:
        digits = 0 if all(value == int(value) for value in known if math.isfinite(value)) else 1
        return ' class="n"', [_dash() if value is None else f"{value:,.{digits}f}" for value in given]
    style = ' class="s"' if all(len(str(value)) <= SHORT_TEXT for value in known) else ""
    return style, [_dash() if value is None else html.escape(str(value)) for value in given]


def _dash() -> str:
    return '<span class="none">—</span>'


def _prose(text: str) -> str:
    """marimo's rendered markdown: paragraph spans become paragraphs, a line end inside Chinese text is no blank."""
    text = re.sub(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n(?=[\u3000-\u9fff\uff00-\uffef])", "", text)
    return re.sub(r'<span class="paragraph">(.*?)</span>(?=\s*(?:<|$))', r"<p>\1</p>", text, flags=re.DOTALL)


# ---- the page -------------------------------------------------------------------------------------------------------


def _page(name: str, blocks: Sequence[Block], snapshot: int | None) -> str:
    import jinja2

    loader = jinja2.FileSystemLoader(NOTEBOOKS)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.get_template("page.html.j2")
    now = datetime.now(UTC).astimezone(BEIJING)
    return template.render(name=name, blocks=blocks, snapshot=snapshot, now=f"{now:%Y-%m-%d %H:%M}")


if __name__ == "__main__":
    sys.exit(main())
