"""Which staging models a build has to run: cost follows what was delivered, not what is under contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingestion.contracts import Contracts
from warehouse import builds
from warehouse.home import DBT_PROJECT, Home
from warehouse.lake import RELATIONS, writing
from warehouse.version import code_version

if TYPE_CHECKING:
    import duckdb


def touched_datasets(home: Home, contracts: Contracts) -> list[str] | None:
    """Datasets whose staging a build must touch; None when everything has to be looked at.

    On a lake that this very code has published, seeds and views stand as they are, and only datasets with new deliveries or
    deliveries to make anew have rows to write: a node that does nothing still costs a catalogue's transaction or two.
    """
    with writing(home) as con:
        known = builds.last_published(con)
        if known is None or known[1] != code_version():
            return None
        tables = {
            row[0] for row in con.execute(f"select name from {RELATIONS} where schema_name = 'staging'").fetchall()
        }
        touched = [d for d in builds.unpublished_datasets(con) if d in contracts]
        # a dataset's first delivery also makes the views over all datasets anew
        return touched if {f"stg_{contracts[d].model_name}" for d in touched} <= tables else None


def never_delivered(home: Home, contracts: Contracts) -> list[str]:
    """Staging models of datasets that were never delivered and that no written model names: nobody would read them."""
    with writing(home) as con:
        return idle_models(con, contracts)


def idle_models(con: duckdb.DuckDBPyConnection, contracts: Contracts) -> list[str]:
    """The same, of an open lake."""
    delivered = {row[0] for row in con.execute("select distinct dataset from lake.foundation.delivery").fetchall()}
    named = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (DBT_PROJECT / "models").rglob("*.sql")
        if not path.name.startswith("stg_")
    )
    idle = [c for c in contracts.values() if c.id not in delivered and f"stg_{c.model_name}'" not in named]
    return [f"{stage}_{c.model_name}" for c in idle for stage in ("checked", "stg", *(("history",) if c.key else ()))]
