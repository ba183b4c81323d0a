"""The ground under the road: paths, catalogue, the single writer, running dbt, linkage, maintenance."""
