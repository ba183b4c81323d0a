"""The second engine: the same dbt models as a full refresh on Spark (docs/decisions/0012-spark.md)."""
