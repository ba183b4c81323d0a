"""Doubtful pairs out to people: one review workbook per entity type, more where there are many."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.files import BEIJING, write_atomic
from ingestion.review import NOUNS
from ingestion.sealed import secret
from townlake.review.doubtful import find
from townlake.review.workbook import FOLDER, manifest_of, workbook
from warehouse.errors import WrongUse, explain
from warehouse.home import Home

if TYPE_CHECKING:
    from ingestion.contracts import DatasetContract

PAIRS_IN_A_WORKBOOK = 500
"""More pairs go into further workbooks: a person has to read them."""


@dataclass(frozen=True)
class Exported:
    """One workbook written."""

    file: str
    entity: str
    pairs: int


def export(
    home: Home, contracts: Mapping[str, DatasetContract], *, entity: str | None = None, out: Path | None = None
) -> list[Exported]:
    """Writes the open pairs of the published foundation into `out`, else into `outbox/核对/`.

    Raises WrongUse for an entity type that is not compared, or an `out` that is a file.
    """
    if out is not None and out.exists() and not out.is_dir():
        raise WrongUse(f"{out} is a file: --out names a folder")
    found = find(home, contracts, entity)
    now = datetime.now(UTC)
    done = []
    for each in dict.fromkeys(d.entity for d in found):
        doubts = [d for d in found if d.entity == each]
        for number, start in enumerate(range(0, len(doubts), PAIRS_IN_A_WORKBOOK), start=1):
            part = doubts[start : start + PAIRS_IN_A_WORKBOOK]
            manifest = manifest_of(uuid.uuid4().hex[:12], each, now.isoformat(timespec="seconds"))
            suffix = f"_{number}" if number > 1 else ""
            name = f"核对表_疑似同一{NOUNS[each]}_{now.astimezone(BEIJING):%Y%m%d}{suffix}.xlsx"
            path = (out or home.outbox / FOLDER) / name
            try:
                write_atomic(path, workbook(manifest, part, secret(home)))
            except OSError as error:
                raise explain(error) or error from error
            done.append(Exported(str(path), each, len(part)))
    return done
