"""What a query of the models says on Spark. Runs without Spark: the parity test proves that it means the same there."""

from __future__ import annotations

import pytest

from warehouse.spark.dialect import Untranslated, to_spark


@pytest.mark.parametrize(
    ("models", "spark"),
    [
        ("select 1 from lake.foundation.delivery", "SELECT 1 FROM foundation.delivery"),
        ('select "rule" from t', "SELECT `rule` FROM t"),
        ("select a::varchar from t", "SELECT CAST(a AS STRING) FROM t"),
        ("select * exclude (a) from t", "SELECT * EXCEPT (a) FROM t"),
        ("select len(a), length(b) from t", "SELECT SIZE(a), LENGTH(b) FROM t"),
        ("select a[1] from t", "SELECT GET(a, 0) FROM t"),
        ("select a[2:4] from t", "SELECT SUBSTR(a, 2, 3) FROM t"),
        ("select a from t order by a, b desc", "SELECT a FROM t ORDER BY a NULLS LAST, b DESC"),
        ("select date_sub('year', a, b) from t", "SELECT TIMESTAMPDIFF(YEAR, a, b) FROM t"),
        ("select mode(a order by a) from t", "SELECT MODE() WITHIN GROUP (ORDER BY a NULLS LAST) FROM t"),
        (
            "select count(distinct a) over (partition by b) from t",
            "SELECT SIZE(COLLECT_SET(a) OVER (PARTITION BY b)) FROM t",
        ),
        (
            "select list_filter([a], lambda x: x is not null) from t",
            "SELECT FILTER(ARRAY(a), x -> NOT x IS NULL) FROM t",
        ),
        ("select struct_pack(x := a).x from t", "SELECT STRUCT(a AS x).x FROM t"),
        ("select concat(a, b) from t", "SELECT CONCAT(COALESCE(a, ''), COALESCE(b, '')) FROM t"),
        (
            "select * from t qualify row_number() over (partition by a order by b desc) = 1",
            "SELECT * FROM t QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY b DESC) = 1",
        ),
        ("select a::hugeint from t", "SELECT CAST(a AS DECIMAL(38, 0)) FROM t"),
        ("select ('0x' || a)::bigint // b from t", "SELECT CAST(CONV(a, 16, 10) AS BIGINT) DIV b FROM t"),
        (
            "select 1 from t where (a, b) in (select (c, d) from u)",
            "SELECT 1 FROM t WHERE (a, b) IN (SELECT c, d FROM u)",
        ),
        (
            "select strftime(a, '%Y[-.]0?%-m') from t",
            "SELECT CONCAT(DATE_FORMAT(a, 'yyyy'), '[-.]0?', DATE_FORMAT(a, 'M')) FROM t",
        ),
        (
            "select json_array_length(case when json_valid(a) then a::json end) from t",
            "SELECT IF(CASE WHEN (NOT TRY_PARSE_JSON(a) IS NULL) THEN a END IS NULL, NULL, "
            "COALESCE(JSON_ARRAY_LENGTH(CASE WHEN (NOT TRY_PARSE_JSON(a) IS NULL) THEN a END), 0)) FROM t",
        ),
    ],
)
def test_a_construct_is_spelled_as_spark_does(models: str, spark: str) -> None:
    assert to_spark(models) == spark


def test_texts_keep_what_dispatched_macros_wrote() -> None:
    """Macros for Spark double their backslashes; they must arrive as they are."""
    assert to_spark(r"select a rlike '\\A[0-9]\\z', 'it\'s' from t") == r"SELECT a RLIKE '\\A[0-9]\\z', 'it\'s' FROM t"


def test_a_value_that_moves_to_another_column_changes_the_hash() -> None:
    """Spark's own hash passes over nulls: (null, a) and (a, null) would be one version of a record."""
    first, second = to_spark("select hash(null, a) from t"), to_spark("select hash(a, null) from t")
    assert "'c0', NULL, 'c1', a" in first and "'c0', a, 'c1', NULL" in second
    assert "'ignoreNullFields', 'false'" in first


def test_cases_within_cases_are_no_limit() -> None:
    depth = 1_500
    query = "select " + "case when a then 1 else " * depth + "2" + " end" * depth + " from t"
    assert to_spark(query).count("CASE") == depth


@pytest.mark.parametrize("query", ["select from where", "select try_strptime(a, '%H') from t"])
def test_what_cannot_be_said_is_an_error(query: str) -> None:
    with pytest.raises(Untranslated, match="no form on Spark"):
        to_spark(query)
