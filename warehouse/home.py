"""Where things are kept: every path below TOWNLAKE_HOME has its name here and nowhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from warehouse import store
from warehouse.errors import EnvironmentFault, explain

REPOSITORY = Path(__file__).resolve().parents[1]
DBT_PROJECT = Path(os.environ.get("TOWNLAKE_DBT_PROJECT") or REPOSITORY / "dbt_project")
"""TOWNLAKE_DBT_PROJECT names another copy, say to try a source without touching this one."""


@dataclass(frozen=True)
class Home:
    """The folders of one lakehouse. `root` is absolute; nothing is created until `prepare`.

    `store`: where raw, archive and lake are instead of below `root`, `s3://BUCKET/FOLDER` (warehouse.store); empty: they are there.
    """

    root: Path
    catalog: str
    store: str = ""

    @classmethod
    def from_environment(cls) -> Home:
        """TOWNLAKE_HOME (default ./lakehouse), TOWNLAKE_CATALOG (default a SQLite file in it) and TOWNLAKE_STORE (default: none)."""
        return cls.at(Path(os.environ.get("TOWNLAKE_HOME") or "lakehouse"))

    @classmethod
    def at(cls, root: Path) -> Home:
        root = root.expanduser().absolute()
        catalog = os.environ.get("TOWNLAKE_CATALOG") or f"sqlite:{root / 'catalog' / 'catalog.sqlite'}"
        return cls(root, catalog, store.checked(root, os.environ.get("TOWNLAKE_STORE") or ""))

    @classmethod
    def throwaway(cls, root: Path) -> Home:
        """A home with a catalogue of its own, whatever the environment says."""
        root = root.absolute()
        return cls(root, f"sqlite:{root / 'catalog' / 'catalog.sqlite'}")

    def address(self, path: str) -> str:
        """Full name of a file or folder of archive, raw or lake, as DuckDB opens it."""
        return path if path.startswith("/") else f"{self.store or self.root}/{path}"

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def archive(self) -> Path:
        return self.root / "archive"

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def outbox(self) -> Path:
        return self.root / "outbox"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def claims(self) -> Path:
        return self.root / "claims"

    @property
    def work(self) -> Path:
        """Scratch of running steps: safe to delete when nothing runs."""
        return self.root / "work"

    def prepare(self) -> Home:
        """Creates the folders; a home that cannot be written, or a store that cannot be used, is named in one sentence."""
        folders = [self.landing, self.outbox, self.reports, self.claims, self.work]
        if not self.store:
            folders += [self.archive, self.raw, self.lake]
        if self.catalog.startswith("sqlite:"):
            folders.append(Path(self.catalog.removeprefix("sqlite:")).parent)
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise explain(error) or EnvironmentFault(
                f"{self.root} cannot be used as a home: {error.strerror}"
            ) from error
        store.claim(self)
        return self
