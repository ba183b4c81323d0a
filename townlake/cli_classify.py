"""`townlake classify …`: the class of one organisation, what one text is about, and making the models anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlake.console import JsonFlag, print_json, progress
from warehouse.home import Home

app = typer.Typer(no_args_is_help=True, help="Industry classes of organisations and categories of events.")


@app.command(epilog="Example: townlake classify industry --name 青山市鑫源粮油店 --scope 食品销售；农副产品销售")
def industry(
    name: Annotated[str, typer.Option(help="Registered name.")],
    scope: Annotated[str, typer.Option(help="Business scope (经营范围).")] = "",
    as_json: JsonFlag = False,
) -> None:
    """The three likeliest classes of GB/T 4754-2017, with probability and the words that decided."""
    from townlake.classifying import classify_organisation

    found = classify_organisation(Home.from_environment(), name, scope)
    if as_json:
        print_json(found)
        return
    answer = found["industry_code"]
    typer.echo(f"{answer}  {found['industry_name']}" if answer else "无法确定（概率不足），最接近的：")
    for row in found["suggestions"]:
        words = f"  依据 {row['words']}" if row["words"] else ""
        alike = f"  同类 {row['alike']} 家" if row["alike"] else ""
        typer.echo(f"  {row['industry_code']}  {row['probability']:.2f}  {row['industry_name']}{words}{alike}")


@app.command("text", epilog="Example: townlake classify text 楼道里有股煤气味，怕漏气")
def of_text(
    text: Annotated[str, typer.Argument(help="What was said or written of an event.")],
    channel: Annotated[str | None, typer.Option(help="What the channel calls it, if it does.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Category, department, severity, urgency and alarm words of an event."""
    from townlake.classifying import classify_text

    found = classify_text(Home.from_environment(), text, channel)
    if as_json:
        print_json(found)
        return
    labels = {
        "category": "类别", "category_source": "判定来源", "category_probability": "概率", "department": "承办部门",
        "severity": "级别", "urgency": "紧急程度", "days": "时限（日）", "alarm": "报警词", "place": "地点",
    }  # fmt: skip
    for key, label in labels.items():
        if found[key] is not None:
            typer.echo(f"{label}  {found[key]}")


@app.command(epilog="Example: townlake classify train --lake")
def train(
    lake: Annotated[
        bool, typer.Option("--lake", help="Also learn from the lake's organisations with sound codes.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to [default: TOWNLAKE_HOME/models, used by this lake].")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make the models anew from the vocabularies (some two minutes of one core); prints how right they are on held-out words."""
    from townlake.classifying import train as run

    found = run(Home.from_environment(), lake=lake, out=out, say=(lambda _: None) if as_json else progress)
    if as_json:
        print_json(found)
        return
    held = found["held_out"]
    typer.echo(f"{found['folder']}: model {found['version']}, {found['texts']} texts, {found['classes']} classes")
    typer.echo(
        f"held out: {held['firms']} firms, class {held['class']:.3f}, section {held['section']:.3f}, answered {held['answered']:.3f}, "
        f"class where answered {held['class_where_answered']:.3f}"
    )
