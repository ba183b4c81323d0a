"""The models' SQL as Spark reads it.

Models are written once, for DuckDB. What means something else on Spark stands in dispatched macros (`spark__…`); what is
only spelled otherwise (lists, lambdas, structs, `exclude`, null order, quoted names) is translated here, statement by
statement, by sqlglot. Texts are the exception: macros that dbt dispatches to Spark write them with Spark's backslashes,
so the dialect read here is DuckDB's but for the way a text is quoted.
"""

from __future__ import annotations

import contextlib
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlglot import exp, parse_one, transforms
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.dialects.spark import Spark
from sqlglot.errors import SqlglotError

from warehouse.errors import TownlakeError

LAKE = "lake"
"""Name of the attached lake in the models; Spark has its schemas without one."""


class Untranslated(TownlakeError):
    """A statement that sqlglot cannot read."""

    exit_code = 3


def _named(name: str) -> Callable[[Sequence[Any]], exp.Anonymous]:
    return lambda args: exp.Anonymous(this=name, expressions=list(args))


class Models(DuckDB):
    """DuckDB's SQL with texts quoted as Spark does."""

    class Tokenizer(DuckDB.Tokenizer):
        STRING_ESCAPES = ["'", "\\"]  # noqa: RUF012

    class Parser(DuckDB.Parser):  # type: ignore[misc, valid-type]
        # kept by name, for _rewritten: sqlglot knows them not at all or as something else
        FUNCTIONS = {  # noqa: RUF012
            **DuckDB.Parser.FUNCTIONS,
            **{
                name.upper(): _named(name)
                for name in (
                    "len",
                    "hash",
                    "date_sub",
                    "try_strptime",
                    "strftime",
                    "to_json",
                    "json_merge_patch",
                    "json_valid",
                    "json_array_length",
                )
            },
        }


def _mode(self: Any, node: exp.Mode) -> str:
    """`mode(x order by x)`: the most frequent value, of several the first in that order."""
    order = node.this
    if not isinstance(order, exp.Order):
        return f"MODE({self.sql(node, 'this')})"
    return f"MODE() WITHIN GROUP (ORDER BY {self.expressions(order, flat=True)})"


class SparkFour(Spark):
    """Spark 4, which has QUALIFY."""

    class Generator(Spark.Generator):  # type: ignore[misc, valid-type]
        TYPE_MAPPING = {**Spark.Generator.TYPE_MAPPING, exp.DType.INT128: "DECIMAL(38, 0)"}  # noqa: RUF012
        TRANSFORMS = {  # noqa: RUF012
            **Spark.Generator.TRANSFORMS,
            exp.Select: transforms.preprocess([transforms.unnest_to_explode]),
            exp.Mode: _mode,
            exp.IntDiv: lambda self, node: self.binary(node, "DIV"),
        }


def to_spark(sql: str) -> str:
    """One query of the models in Spark's words. Raises Untranslated where it cannot be read."""
    done: list[str | Exception] = []

    def translate() -> None:
        try:
            tree: exp.Expr = parse_one(sql, read=Models)
            for node in reversed(list(tree.walk())):  # what is inside first
                if (rewritten := _rewritten(node)) is not node:
                    node.replace(rewritten)
            done.append(tree.sql(dialect=SparkFour))
        except (SqlglotError, RecursionError) as error:
            done.append(Untranslated(f"a statement has no form on Spark: {str(error)[:400]}"))
        except Exception as error:
            done.append(error)

    with _deep_stack():
        thread = threading.Thread(target=translate)
        thread.start()
        thread.join()
    (answer,) = done
    if isinstance(answer, Exception):
        raise answer
    return answer


@contextlib.contextmanager
def _deep_stack() -> Iterator[None]:
    """Cases within cases within cases: sqlglot walks them by recursion, deeper than Python allows by itself."""
    limit, size = sys.getrecursionlimit(), threading.stack_size(512 * 2**20)
    sys.setrecursionlimit(100_000)
    try:
        yield
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)


def _rewritten(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Table) and node.catalog == LAKE:
        node.set("catalog", None)
    elif isinstance(node, exp.Cast) and node.is_type(exp.DType.JSON):
        return node.this  # JSON is text
    elif isinstance(node, exp.Cast) and (digits := _hexadecimal(node.this)) is not None:
        node.set("this", _call("conv", digits, exp.Literal.number(16), exp.Literal.number(10)))
    elif isinstance(node, exp.In) and isinstance(node.args.get("query"), exp.Subquery):
        _unpack(node.args["query"].this)
    elif isinstance(node, exp.Bracket) and len(node.expressions) == 1:
        return _element(node.this, node.expressions[0])
    elif isinstance(node, exp.Window) and isinstance(node.this, exp.Count) and isinstance(node.this.this, exp.Distinct):
        node.set("this", _call("collect_set", *node.this.this.expressions))
        return _call("size", node.copy())
    elif isinstance(node, exp.JSONObject):
        return _json_object([part for pair in node.expressions for part in (pair.this, pair.expression)])
    elif isinstance(node, exp.Anonymous) and (rewrite := _REWRITES.get(str(node.this).lower())):
        return rewrite(node.expressions)
    return node


def _call(name: str, *args: exp.Expr | str) -> exp.Anonymous:
    return exp.Anonymous(
        this=name, expressions=[exp.maybe_parse(a, dialect=SparkFour) if isinstance(a, str) else a for a in args]
    )


def _hexadecimal(value: exp.Expr) -> exp.Expr | None:
    """The digits in `'0x' || digits`, a number once it is cast."""
    text = value.unnest()
    if isinstance(text, exp.DPipe) and isinstance(text.this, exp.Literal) and text.this.name == "0x":
        return text.expression
    return None


def _unpack(query: exp.Expr) -> None:
    """`(a, b) in (select (a, b) …)`: several columns on both sides."""
    if isinstance(query, exp.Select) and len(query.expressions) == 1 and isinstance(query.expressions[0], exp.Tuple):
        query.set("expressions", query.expressions[0].expressions)


def _element(value: exp.Expr, part: exp.Expr) -> exp.Expr:
    """`list[n]`, null beyond its end (counted from 0 as parsed), or `text[from:to]`, which the rules of tags cut codes with."""
    if not isinstance(part, exp.Slice):
        return _call("get", value, part)
    first, last = part.this, part.expression
    if not (isinstance(first, exp.Literal) and isinstance(last, exp.Literal)):
        raise Untranslated("a piece of a text whose ends are not written as numbers has no form on Spark")
    return _call("substr", value, first, exp.Literal.number(int(last.name) - int(first.name) + 1))


def _json(value: exp.Expr) -> exp.Expr:
    """JSON with its nulls, as DuckDB writes it."""
    return _call("to_json", value, "map('ignoreNullFields', 'false')")


def _json_object(args: Sequence[exp.Expr]) -> exp.Expr:
    return _json(_call("named_struct", *args))


def _json_merge(args: Sequence[exp.Expr]) -> exp.Expr:
    """Flat JSON objects of texts, the later over the earlier (spark.sql.mapKeyDedupPolicy says so)."""
    return _json(_call("map_concat", *(_call("from_json", value, "'map<string, string>'") for value in args)))


def _hash(args: Sequence[exp.Expr]) -> exp.Expr:
    """A number that tells rows apart. Spark's own hash passes over nulls, so that a value may change its column unseen."""
    named = [part for number, value in enumerate(args) for part in (exp.Literal.string(f"c{number}"), value)]
    return _call("abs", _call("xxhash64", _json_object(named)))


def _date_sub(args: Sequence[exp.Expr]) -> exp.Expr:
    """Whole units between two days; Spark's date_sub is another function, which the models do not use."""
    unit, since, until = args
    return _call("timestampdiff", exp.var(unit.name.upper()), since, until)


_PARTS = {"%Y": "yyyy", "%m": "MM", "%-m": "M", "%d": "dd", "%-d": "d"}
"""Parts of a day as strftime and as Spark write them."""


def _parts(form: exp.Expr) -> list[str]:
    """A strftime format in pieces: parts of a day, and what stands between them. Raises Untranslated on others."""
    pieces = [piece for piece in re.split("(%-?[A-Za-z%])", form.name) if piece]
    if strange := [piece for piece in pieces if piece.startswith("%") and piece not in _PARTS]:
        raise Untranslated(f"the part {strange[0]} of a day has no form on Spark")
    return pieces


def _try_strptime(args: Sequence[exp.Expr]) -> exp.Expr:
    text, form = args
    return _call("try_to_timestamp", text, exp.Literal.string("".join(_PARTS.get(p, p) for p in _parts(form))))


def _strftime(args: Sequence[exp.Expr]) -> exp.Expr:
    """Piece by piece: brackets in a format mean something to Spark."""
    day, form = args
    pieces = [
        _call("date_format", day.copy(), exp.Literal.string(_PARTS[p])) if p in _PARTS else exp.Literal.string(p)
        for p in _parts(form)
    ]
    return pieces[0] if len(pieces) == 1 else _call("concat", *pieces)


_REWRITES: dict[str, Callable[[Sequence[exp.Expr]], exp.Expr]] = {
    "len": lambda args: _call("size", *args),  # of lists in the models; `length` is the one of texts
    "hash": _hash,
    "date_sub": _date_sub,
    "try_strptime": _try_strptime,
    "strftime": _strftime,
    "json_merge_patch": _json_merge,
    "json_valid": lambda args: exp.Paren(
        this=exp.Not(this=exp.Is(this=_call("try_parse_json", *args), expression=exp.Null()))
    ),
    # of something else than a list: 0, not null
    "json_array_length": lambda args: _call(
        "if",
        exp.Is(this=args[0].copy(), expression=exp.Null()),
        exp.Null(),
        exp.func("coalesce", _call("json_array_length", *args), exp.Literal.number(0)),
    ),
    "to_json": lambda args: _json(args[0]),
}
