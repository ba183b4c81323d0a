"""The pairs of the linkage weighed on Spark, by Splink's backend for it.

Which units meet and on what level each comparison agrees is the lake's: its pair tables say both. What follows from that, weight
and probability, is computed here anew, by the settings that the lake's own scoring has.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.lake import literal
from warehouse.linkage import scoring
from warehouse.linkage.spec import LINKED, load

if TYPE_CHECKING:
    from warehouse.linkage.spec import Level, Spec


def compared() -> list[str]:
    """Entity types whose units are compared in pairs."""
    return [entity for entity in LINKED if load(entity).compares]


def weigh(spark: Any, out: Path) -> dict[str, int]:
    """Writes `out/<entity>_pair/`, the columns of `registry.<entity>_pair`; returns how many pairs of each entity type."""
    return {entity: _weigh(spark, load(entity), out / f"{entity}_pair") for entity in compared()}


def _weigh(spark: Any, spec: Spec, folder: Path) -> int:
    pairs = f"registry.{spec.entity}_pair"
    count = int(spark.table(pairs).count())
    if not count:
        spark.table(pairs).write.mode("overwrite").parquet(str(folder))
        return 0
    key = r"concat_ws('\u0001', left_key, right_key)"
    levels = ", ".join(_level(name, comparison.levels) for name, comparison in spec.comparisons.items())
    for side in ("left", "right"):
        spark.sql(
            f"select {key} as pair_id, concat('{side}', {key}) as unique_id, {levels} from {pairs}"
        ).createOrReplaceTempView(f"linked_{side}")
    linker = scoring.linker(_api(spark), "linked_left", "linked_right", spec)
    predicted = linker.inference.predict().physical_name
    spark.sql(
        f"""select pair.left_key, pair.right_key, scored.match_weight, scored.match_probability, pair.evidence
            from (select *, {key} as pair_id from {pairs}) as pair
            join {predicted} as scored on pair.pair_id = scored.pair_id_l"""
    ).write.mode("overwrite").option("compression", "zstd").parquet(str(folder))
    return count


def _api(spark: Any) -> Any:
    from splink import SparkAPI

    # its functions for text are not needed: levels are numbers
    return SparkAPI(spark_session=spark, register_udfs_automatically=False, break_lineage_method="persist")


def _level(name: str, levels: Sequence[Level]) -> str:
    cases = " ".join(f"when {literal(level.level)} then {number}" for number, level in enumerate(levels))
    return f"case get_json_object(evidence, '$.{name}') {cases} end as `{name}`"
