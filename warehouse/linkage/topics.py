"""What an event is about, from its words: the seed `event_topic` as two SQL functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warehouse.lake import literal

if TYPE_CHECKING:
    import duckdb


def know_topics(con: duckdb.DuckDBPyConnection) -> None:
    """Creates the temporary macros `event_topic(text)` and `event_topic_scope(topic)`; null where no pattern holds."""
    rows = con.execute("select topic, scope, pattern from lake.staging.event_topic order by priority, topic").fetchall()
    found = " ".join(f"when regexp_matches(x, {literal(pattern)}) then {literal(topic)}" for topic, _, pattern in rows)
    scopes = " ".join(f"when {literal(topic)} then {literal(scope)}" for topic, scope, _ in rows)
    con.execute(f"create or replace temp macro event_topic(x) as case {found} end")
    con.execute(f"create or replace temp macro event_topic_scope(x) as case x {scopes} end")
