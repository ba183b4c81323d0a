"""What a derived column inherits from the columns it is made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from warehouse.classification.sensitivity import HIGHEST, Columns, Graded, Lineage, exceeds, held, highest

LEAVES: dict[str, Columns] = {
    "staging.stg_a": {
        "name": Graded("general_3", "general", ("a.name",)), "disability": Graded("general_4", "sensitive", ("a.disability",)),
        "town": Graded("general_2", "none", ("a.town",)), "row_number": Graded(),
    },
    "staging.stg_b": {"town": Graded("general_1"), "tax": Graded("general_3", "none", ("b.tax",))},
}  # fmt: skip


def grades(folder: Path, sql: str, **models: str) -> dict[str, tuple[str, str]]:
    """(level, personal data) of the columns of a mart with this SQL, `models` compiled beside it."""
    for name, text in {"mart": sql, **models}.items():
        (folder / f"{name}.sql").write_text(text, encoding="utf-8")
    columns = Lineage(folder, LEAVES).columns("marts", "mart")
    return {c: (g.level, g.personal_data) for c, g in columns.items() if c != "*"}


A, B = '"lake"."staging"."stg_a"', '"lake"."staging"."stg_b"'
NAME, DISABLED, TOWN, TAX, NOTHING = (
    ("general_3", "general"), ("general_4", "sensitive"), ("general_2", "none"), ("general_3", "none"), ("general_1", "none"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (f"select name as n, town, 1 as one from {A}", {"n": NAME, "town": TOWN, "one": NOTHING}),
        (f"select upper(name) || town as both from {A} as a", {"both": NAME}),
        (f"select case when disability = '1' then 'x' end as flag from {A}", {"flag": DISABLED}),
        (f"with x as (select a.*, b.tax from {A} as a join {B} as b using (town)) select x.* exclude (name) from x",
         {"disability": DISABLED, "town": TOWN, "row_number": NOTHING, "tax": TAX}),
        (f"select town from {B} union all select name from {A}", {"town": NAME}),
        (f"select town, count(*) as n, max_by(town, name) as latest, max(name) as most from {A} group by town",
         {"town": TOWN, "n": NOTHING, "latest": TOWN, "most": NAME}),
        (f"select row_number() over (partition by name order by disability) as n from {A}", {"n": NOTHING}),
        (f"select (select max(disability) from {A}) as worst, town from {B}", {"worst": DISABLED, "town": NOTHING}),
        (f"select s.name, s.d.deep as deep from (select name, struct_pack(deep := disability) as d from {A}) as s",
         {"name": NAME, "deep": DISABLED}),
        (f"select unnest([name, town]) as said from {A}", {"said": NAME}),
        (f"select town as place, place || 'x' as again from {A}", {"place": TOWN, "again": TOWN}),
    ],
)  # fmt: skip
def test_a_derived_column_takes_the_highest_of_its_inputs(
    tmp_path: Path, sql: str, expected: dict[str, tuple[str, str]]
) -> None:
    assert grades(tmp_path, sql) == expected


def test_grades_pass_through_models_and_models_that_read_themselves(tmp_path: Path) -> None:
    step = f'select name, town from {A} union all select name, town from "lake"."intermediate"."step"'
    assert grades(tmp_path, "select name as who, town from lake.intermediate.step", step=step) == {
        "who": NAME,
        "town": TOWN,
    }


def test_what_cannot_be_told_takes_the_highest_of_everything(tmp_path: Path) -> None:
    (tmp_path / "mart.sql").write_text(f"from {A} pivot nonsense(((", encoding="utf-8")
    columns = Lineage(tmp_path, LEAVES).columns("marts", "mart")
    assert dict(columns) == {"*": Graded("general_4", "sensitive", ("a.disability",), False)}
    (tmp_path / "mart.sql").write_text(f"select town, {'1 + ' * 60_000} 1 as n from {A}", encoding="utf-8")
    assert set(Lineage(tmp_path, LEAVES).columns("marts", "mart")) == {"*"}


def test_a_relation_nobody_knows_is_the_highest(tmp_path: Path) -> None:
    assert grades(tmp_path, "select x from lake.registry.secret") == {"x": (HIGHEST.level, HIGHEST.personal_data)}


def test_a_declared_grade_is_never_below_its_kind_of_personal_data() -> None:
    assert held("general_1", "sensitive", "c").level == "general_4"
    assert held("general_1", "general", "c").level == "general_2"
    assert held("important", "sensitive", "c").level == "important"
    assert held("general_1", "none", "c") == Graded("general_1", "none", ("c",))


def test_the_highest_names_the_inputs_that_make_it_so() -> None:
    low, high = Graded("general_2", "general", ("low",)), Graded("general_3", "none", ("high",))
    assert highest([low, high]) == Graded("general_3", "general", ("high",))
    assert highest([]) == Graded()
    assert exceeds("important", "general_4")
    assert not exceeds("general_4", "general_4")
