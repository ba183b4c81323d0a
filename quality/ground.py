"""What a gate finds when it opens the lake: relations, deliveries to look at, and what to compare them with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from warehouse.lake import RELATIONS

Execute = Callable[[str], Sequence[tuple[Any, ...]]]
COMPARED = 3
"""So many earlier deliveries of its dataset are what a delivery is compared with."""


@dataclass(frozen=True)
class Delivered:
    """A taken delivery."""

    delivery_id: str
    dataset: str | None
    raw: str | None
    rows: int
    is_looked_at: bool
    """Its content is looked at: no published build contains it, it is made anew, or everything is looked at."""
    references: tuple[str, ...] = ()
    """Deliveries of its dataset it is compared with, the nearest first."""


@dataclass(frozen=True)
class Ground:
    """Tip of the lake. `root` is where raw files lie, the home or its store (ends without a slash)."""

    relations: frozenset[str]
    deliveries: tuple[Delivered, ...]
    root: str = ""
    profiled: frozenset[str] = frozenset()
    """Deliveries whose profile was kept (`quality.profile`)."""

    @property
    def datasets(self) -> set[str]:
        """Datasets of which something was taken."""
        return {d.dataset for d in self.deliveries if d.dataset}

    def looked_at(self, dataset: str | None = None) -> list[str]:
        """Ids of the deliveries whose content is looked at."""
        return [d.delivery_id for d in self.deliveries if d.is_looked_at and dataset in (None, d.dataset)]

    def references(self, dataset: str) -> set[str]:
        """Ids of the deliveries that those of a dataset are compared with."""
        return {r for d in self.deliveries if d.is_looked_at and d.dataset == dataset for r in d.references}


def survey(execute: Execute, *, full: bool = False, root: str = "") -> Ground:
    """Looks around. With nothing new to look at, or `full`, everything is looked at."""
    relations = frozenset(row[0] for row in execute(f"select schema_name || '.' || name from {RELATIONS}"))
    if not {"foundation.delivery", "foundation.build"} <= relations:
        return Ground(relations, (), root)
    redo = "select delivery_id from lake.registry.redo" if "registry.redo" in relations else "select null where false"
    rows = execute(_DELIVERIES.format(redo=redo))
    everything = full or not any(row[4] for row in rows)
    kept = execute("select distinct delivery_id from lake.quality.profile") if "quality.profile" in relations else []
    return Ground(
        relations,
        tuple(Delivered(r[0], r[1], r[2], r[3], everything or bool(r[4]), tuple(r[5])) for r in rows),
        root,
        frozenset(row[0] for row in kept),
    )


_DELIVERIES = f"""
    with taken as (
        select delivery_id, dataset, raw, data_rows, delivered_on, received_at, file,
               delivery_id in (select unnest(deliveries) from lake.foundation.build where published) as is_published,
               delivery_id in ({{redo}}) as is_redone
        from lake.foundation.delivery where status = 'taken'),
    pair as (
        select this.delivery_id, that.delivery_id as reference, that.is_published,
               bool_or(that.is_published) over (partition by this.delivery_id) as any_published,
               row_number() over (
                   partition by this.delivery_id
                   order by that.is_published desc, abs(this.delivered_on - that.delivered_on), that.delivered_on desc,
                            that.received_at desc, that.file) as place
        from taken as this join taken as that on this.dataset = that.dataset and this.delivery_id <> that.delivery_id
        where (that.delivered_on, that.received_at, that.file) < (this.delivered_on, this.received_at, this.file)
           or (that.is_published and not this.is_published))
    select taken.delivery_id, dataset, raw, coalesce(data_rows, 0), is_redone or not taken.is_published,
           coalesce(list(reference order by place) filter (where place <= {COMPARED} and (pair.is_published or not any_published)), [])
    from taken left join pair using (delivery_id)
    group by all order by dataset, delivery_id"""
"""Deliveries are compared with published ones, the nearest by day; before any is published, with those of earlier days."""
