"""The rules of survivorship: the files, and the order that the macros make of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import jinja2
import pytest
from jinja2 import nodes

from warehouse import survivorship
from warehouse.errors import EnvironmentFault
from warehouse.home import DBT_PROJECT

Said = dict[str, Any]


class _Given(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def _give_back(value: Any) -> None:
    raise _Given(value)


def rank(entity: str, attribute: str, folder: Path = survivorship.RULES) -> str:
    """The macro's SQL, with each row's trust in a column. As under dbt, `return` ends a macro and gives any value."""
    env = jinja2.Environment(extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined)
    names: dict[str, Any] = {
        **env.globals,
        "return": _give_back,
        "survivorship_rules": lambda: survivorship.for_dbt(folder),
        "most_criteria": lambda: survivorship.MOST_CRITERIA,
        "trust": lambda entity, attribute: "trust",
        "adapter": SimpleNamespace(dispatch=lambda name: names[f"default__{name}"]),
    }
    files = ("standard/primitives.sql", "golden.sql")
    tree = env.parse("".join((DBT_PROJECT / "macros" / f).read_text(encoding="utf-8") for f in files))
    for macro in tree.find_all(nodes.Macro):
        macro.name = f"macro__{macro.name}"

    def catching(macro: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            try:
                return macro(*args)
            except _Given as given:
                return given.value

        return call

    module = jinja2.Template.from_code(env, env.compile(tree), {}).make_module(names, shared=True)
    names |= {n.removeprefix("macro__"): catching(m) for n, m in vars(module).items() if n.startswith("macro__")}
    return str(vars(module)["macro__survivorship_rank"](entity, attribute))


def chosen(entity: str, attribute: str, *said: Said, folder: Path = survivorship.RULES) -> Any:
    """Which value survives of contents that differ in what is given."""
    columns: Said = {
        attribute: None, "link_rule": "verified_identifier", "is_current": True, "trust": 50, "since": "2026-01-01",
        f"agreeing_{attribute}": 1, "id_type": "111", "id_number": "37060219490312123X",
    }  # fmt: skip
    rows = [{**columns, "content_id": f"c{i}", **row} for i, row in enumerate(said)]
    names = list(rows[0])
    with duckdb.connect() as con:
        values = ", ".join("(" + ", ".join("?" for _ in names) + ")" for _ in rows)
        found = con.execute(
            f"""with said as (select * replace (since::date as since) from (values {values}) as t({", ".join(names)}))
                select max_by({attribute}, {rank(entity, attribute, folder)}) from said""",
            [row[name] for row in rows for name in names],
        ).fetchone()
    assert found is not None
    return found[0]


def test_what_is_still_delivered_comes_before_what_is_trusted() -> None:
    gone, here = {"phone": "1", "is_current": False, "trust": 90}, {"phone": "2", "trust": 10}
    assert chosen("person", "phone", gone, here) == chosen("person", "phone", here, gone) == "2"


def test_trust_then_agreement_then_recency() -> None:
    trusted = {"phone": "trusted", "trust": 60}
    agreed = {"phone": "agreed", "agreeing_phone": 3}
    newest = {"phone": "newest", "since": "2026-06-01"}
    assert chosen("person", "phone", trusted, agreed, newest) == "trusted"
    assert chosen("person", "phone", newest, agreed) == "agreed"
    assert chosen("person", "phone", newest, {"phone": "older"}) == "newest"


def test_a_name_that_lost_a_sign_comes_last_even_from_the_register() -> None:
    assert chosen("person", "name", {"name": "王?国", "trust": 90}, {"name": "王龑国", "trust": 10}) == "王龑国"


def test_a_birthday_its_own_row_contradicts_comes_last() -> None:
    wrong = {"birth_date": "1959-03-12", "trust": 90}
    right = {"birth_date": "1949-03-12", "trust": 10}
    silent = {"birth_date": "1949-03-21", "trust": 20, "id_number": None}
    assert chosen("person", "birth_date", wrong, right) == "1949-03-12"
    assert chosen("person", "birth_date", wrong, right, silent) == "1949-03-21", "nothing contradicts it"


def test_a_number_found_beside_does_not_replace_the_one_that_links() -> None:
    beside = {"id_number": "2", "link_rule": "probabilistic", "trust": 90}
    assert chosen("person", "id_number", {"id_number": "1", "trust": 10}, beside) == "1"


def test_a_town_changes_the_order_in_the_file(tmp_path: Path) -> None:
    for entity in survivorship.ENTITIES:
        (tmp_path / f"{entity}.yaml").write_text("default: {prefer: [recent]}", encoding="utf-8")
    old, new = {"phone": "old", "trust": 90}, {"phone": "new", "trust": 1, "since": "2026-05-01"}
    assert chosen("person", "phone", old, new) == "old"
    assert chosen("person", "phone", old, new, folder=tmp_path) == "new"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("attributes: {phone: {prefer: [newest]}}", "attributes.phone.prefer.0"),
        ("attributes: {phone: {prefer: [trust, trust]}}", "named twice"),
        ("attributes: {phone: {perfer: [trust]}}", "attributes.phone.perfer"),
        ("attributes: [", "cannot be read"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_place(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "person.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(EnvironmentFault, match=said) as fault:
        survivorship.load("person", tmp_path)
    assert "person.yaml" in str(fault.value)
