"""Where things are kept: every path below TOWNLAKE_HOME has its name here and nowhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import EnvironmentFault, explain

REPOSITORY = Path(__file__).resolve().parents[1]
DBT_PROJECT = Path(os.environ.get("TOWNLAKE_DBT_PROJECT") or REPOSITORY / "dbt_project")
"""TOWNLAKE_DBT_PROJECT names another copy, say to try a source without touching this one."""


@dataclass(frozen=True)
class Home:
    """The folders of one lakehouse. `root` is absolute; nothing is created until `prepare`."""

    root: Path
    catalog: str

    @classmethod
    def from_environment(cls) -> Home:
        """TOWNLAKE_HOME (default ./lakehouse) and TOWNLAKE_CATALOG (default a SQLite file in it)."""
        return cls.at(Path(os.environ.get("TOWNLAKE_HOME") or "lakehouse"))

    @classmethod
    def at(cls, root: Path) -> Home:
        root = root.expanduser().absolute()
        return cls(root, os.environ.get("TOWNLAKE_CATALOG") or f"sqlite:{root / 'catalog' / 'catalog.sqlite'}")

    @classmethod
    def throwaway(cls, root: Path) -> Home:
        """A home with a catalogue of its own, whatever the environment says."""
        root = root.absolute()
        return cls(root, f"sqlite:{root / 'catalog' / 'catalog.sqlite'}")

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
        """Creates the folders; a home that cannot be written is named in one sentence."""
        folders = [self.landing, self.archive, self.raw, self.lake, self.outbox, self.reports, self.claims, self.work]
        if self.catalog.startswith("sqlite:"):
            folders.append(Path(self.catalog.removeprefix("sqlite:")).parent)
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise explain(error) or EnvironmentFault(
                f"{self.root} cannot be used as a home: {error.strerror}"
            ) from error
        return self
