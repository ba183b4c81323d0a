"""dbt's way to the object storage: what profiles.yml names as a plugin, so that no key stands in a profile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dbt.adapters.duckdb.plugins import BasePlugin

from warehouse import store
from warehouse.home import Home

if TYPE_CHECKING:
    import duckdb


class Plugin(BasePlugin):
    """Runs on each new connection, before the lake is attached; warehouse.dbt sets TOWNLAKE_STORE, empty for a disk."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        store.show(conn, Home(Path(), "", os.environ.get("TOWNLAKE_STORE", "")))
