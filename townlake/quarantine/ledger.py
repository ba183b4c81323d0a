"""What became of refused rows: corrections taken from workbooks, and every step as an event that is never rewritten.

    quality.correction            one corrected cell (`column` null: the row was confirmed as a whole); the newest one counts
    quality.correction_workbook   a workbook whose corrections were taken up
    quality.correction_withdrawn  corrected cells of workbooks that were taken back, by whom and why
    quality.quarantine_event      corrected, replayed, dismissed, reopened, declined: who, when, why, the row as it was refused
    quality.quarantine_before     rows refused before deliveries are made anew, until the build has told what became of them

A row keeps its locator through all of it, so rows read = accepted + quarantined holds for its delivery at every moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from warehouse import deliveries
from warehouse.lake import literal, quote, table_exists, transaction

if TYPE_CHECKING:
    import duckdb

    from ingestion.contracts import DatasetContract
    from warehouse.home import Home

REFUSED = "lake.intermediate.int_quarantine__refused"
LEAST_EQUAL = 3
"""Filled cells that must be equal before two rows are taken for the same record without a key."""
STALE = "这一行在导出之后已由另一份更正表更正过，没有采用：请重新导出后再改"
SETTLED = "这一行已不在隔离区（已经入库，或所在的交付已撤回），没有采用"

_LOCATOR = "dataset, file, sheet, row_number, delivery_id, received_at, delivered_on"
_ROW = """quarantine_id varchar, dataset varchar, file varchar, sheet varchar, row_number bigint, delivery_id varchar,
    received_at timestamptz, delivered_on date"""
_CELL = """dataset varchar, delivery_id varchar, file varchar, sheet varchar, row_number bigint, "column" varchar,
    old_value varchar, new_value varchar, corrected_by varchar, corrected_at timestamptz, workbook varchar,
    workbook_delivery_id varchar, workbook_id varchar"""
_TABLES = f"""
create table if not exists lake.quality.correction ({_CELL});
create table if not exists lake.quality.correction_withdrawn (
    {_CELL}, withdrawn_by varchar, withdrawn_at timestamptz, withdrawn_reason varchar);
create table if not exists lake.quality.correction_workbook (
    workbook_delivery_id varchar, workbook varchar, workbook_id varchar, department varchar, dataset varchar, received_at timestamptz,
    applied_at timestamptz, "rows" bigint, cells bigint);
create table if not exists lake.quality.quarantine_before ({_ROW}, "rule" varchar, reason varchar, "raw" varchar);
create table if not exists lake.quality.quarantine_event (
    event_number bigint, {_ROW}, event varchar, "by" varchar, "at" timestamptz, "note" varchar, "rule" varchar, reason varchar,
    "raw" varchar, by_delivery varchar, workbook_delivery_id varchar);
"""
LAST_TABLE = ("quality", "quarantine_event")


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Creates the tables on an empty lake."""
    con.execute(_TABLES)


# ---- before a build -------------------------------------------------------------------------------------------------


def waiting(con: duckdb.DuckDBPyConnection, receipts: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Receipts of correction workbooks that were not taken up yet, in the order they came."""
    brought = [r for r in receipts if r["status"] == "correction" and r.get("raw")]
    if not brought or not table_exists(con, *LAST_TABLE):
        return brought
    done = {r[0] for r in con.execute("select workbook_delivery_id from lake.quality.correction_workbook").fetchall()}
    return sorted(
        (r for r in brought if r["delivery_id"] not in done), key=lambda r: (str(r["received_at"]), r["delivery_id"])
    )


def unpublished(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether something was decided about a refused row that readers do not see yet."""
    if not table_exists(con, *LAST_TABLE):
        return False
    row = con.execute(
        """select count(*) from lake.quality.quarantine_event
           where "at" > (select max(finished_at) from lake.foundation.build where published)"""
    ).fetchone()
    return bool(row and row[0])


def apply(con: duckdb.DuckDBPyConnection, home: Home, receipts: Iterable[Mapping[str, Any]]) -> int:
    """Takes up the corrections of every workbook that waits; the build makes their deliveries anew. Returns how many workbooks."""
    todo = waiting(con, receipts)
    for receipt in todo:
        with transaction(con):
            _apply(con, home, receipt)
    return len(todo)


def _apply(con: duckdb.DuckDBPyConnection, home: Home, receipt: Mapping[str, Any]) -> None:
    """One workbook. A row is taken as a whole or not at all: not when it is no longer refused, nor when another workbook
    corrected one of its cells since this one was exported."""
    workbook_id = receipt["corrections"]["workbook"]
    who = [receipt["delivery_id"], receipt["file"], workbook_id, receipt["dataset"], receipt["received_at"]]
    con.execute("create or replace temp table handed as select * from read_parquet(?)", [home.address(receipt["raw"])])
    con.execute(
        """create or replace temp table newest as
           select quarantine_id, "column", arg_max(struct_pack(v := c.new_value, w := c.workbook_id), (c.corrected_at, c.workbook_delivery_id)) as last
           from (select distinct quarantine_id, delivery_id, sheet, row_number from handed) as h
           join lake.quality.correction as c
             on c.delivery_id = h.delivery_id and c.row_number = h.row_number and c.sheet is not distinct from h.sheet
           where c."column" is not null group by all"""
    )
    still = f"h.quarantine_id in (select quarantine_id from {REFUSED})" if _has_refused(con) else "true"
    con.execute(
        f"""create or replace temp table verdict as
            select h.quarantine_id,
                   case when not bool_and({still}) then $1
                        when bool_or(n.last is not null and n.last.w <> $2 and n.last.v is distinct from h.old_value
                                     and n.last.v is distinct from h.new_value) then $3 end as declined
            from handed as h
            left join newest as n on h.quarantine_id = n.quarantine_id and h."column" = n."column"
            group by h.quarantine_id""",
        [SETTLED, workbook_id, STALE],
    )
    con.execute(
        """insert into lake.quality.correction by name
           select $4 as dataset, h.delivery_id, h.file, h.sheet, h.row_number, h."column", h.old_value, h.new_value, h."by" as corrected_by,
                  $5::timestamptz as corrected_at, $2 as workbook, $1 as workbook_delivery_id, $3 as workbook_id
           from handed as h join verdict using (quarantine_id)
           left join newest as n on h.quarantine_id = n.quarantine_id and h."column" = n."column"
           where verdict.declined is null and h.kind <> 'dismiss' and (n.last is null or n.last.v is distinct from h.new_value)""",
        who,
    )
    rows = """
        select any_value(h.quarantine_id) as quarantine_id, $1 as dataset, any_value(h.file) as file, any_value(h.sheet) as sheet,
               any_value(h.row_number) as row_number, any_value(h.delivery_id) as delivery_id,
               any_value(d.received_at) as received_at, any_value(d.delivered_on) as delivered_on,
               case when any_value(v.declined) is not null then 'declined' when any_value(h.kind) = 'dismiss' then 'dismissed'
                    else 'corrected' end as event,
               any_value(h."by") as "by", $2::timestamptz as "at", coalesce(any_value(v.declined), any_value(h.note)) as "note",
               any_value(h.rule) as "rule", any_value(h.reason) as reason, any_value(h.raw) as "raw",
               null::varchar as by_delivery, $3 as workbook_delivery_id
        from handed as h join verdict as v using (quarantine_id) left join lake.foundation.delivery as d using (delivery_id)
        group by h.quarantine_id"""
    _record(con, rows, [receipt["dataset"], datetime.now(UTC), receipt["delivery_id"]])
    redone = con.execute(
        """select distinct h.delivery_id from handed as h join verdict using (quarantine_id)
           join lake.foundation.delivery as d on h.delivery_id = d.delivery_id and d.status = 'taken'
           where verdict.declined is null and h.kind <> 'dismiss'"""
    ).fetchall()
    deliveries.redo(con, [r[0] for r in redone], "correction")
    con.execute(
        """insert into lake.quality.correction_workbook
           select $1, $2, $3, $6, $4, $5::timestamptz, $7::timestamptz,
                  (select count(*) from verdict where declined is null),
                  (select count(*) from lake.quality.correction where workbook_delivery_id = $1)""",
        [*who, receipt["department"], datetime.now(UTC)],
    )


def find_workbooks(con: duckdb.DuckDBPyConnection, name: str) -> list[tuple[str, str]]:
    """(delivery id, file) of the correction workbooks a person may mean: by id, the first characters of it, or file."""
    found = con.execute(
        """select workbook_delivery_id, workbook from lake.quality.correction_workbook
           where workbook_delivery_id = $1 or (length($1) >= 6 and starts_with(workbook_delivery_id, $1)) or workbook = $1
           order by received_at, workbook""",
        [name],
    ).fetchall()
    return [(row[0], row[1]) for row in found]


def withdraw(con: duckdb.DuckDBPyConnection, workbook_delivery_id: str, *, by: str, reason: str) -> int:
    """Takes back what a correction workbook said; its deliveries are made anew by the next build. Returns the rows concerned.

    What other workbooks corrected stays. Rows that only this one corrected or dismissed are open again. Nothing happens
    to a workbook that was taken back already.
    """
    who = [workbook_delivery_id, by, datetime.now(UTC), reason]
    with transaction(con):
        con.execute(
            """insert into lake.quality.correction_withdrawn
               select *, $2, $3::timestamptz, $4 from lake.quality.correction where workbook_delivery_id = $1""",
            who,
        )
        redone = con.execute(
            "select distinct delivery_id from lake.quality.correction where workbook_delivery_id = ?", who[:1]
        ).fetchall()
        con.execute("delete from lake.quality.correction where workbook_delivery_id = ?", who[:1])
        rows = f"""
            select latest.quarantine_id, {_of("latest")}, 'reopened' as event, $2 as "by", $3::timestamptz as "at",
                   '更正表已撤回' || case when $4 = '' then '' else '：' || $4 end as "note", latest."rule", latest.reason, latest."raw",
                   null::varchar as by_delivery, $1 as workbook_delivery_id
            from ({_LATEST}) as latest
            where latest.workbook_delivery_id = $1 and latest.event in ('corrected', 'replayed', 'dismissed')
              and not exists (
                  select 1 from lake.quality.correction as other
                  where other.delivery_id = latest.delivery_id and other.row_number = latest.row_number
                    and other.sheet is not distinct from latest.sheet)"""
        reopened = _record(con, rows, who)
        deliveries.redo(con, [r[0] for r in redone], "correction withdrawn")
    return reopened


def remember(con: duckdb.DuckDBPyConnection, *, full: bool) -> None:
    """Keeps what is refused in the deliveries about to be made anew, so that the build can tell which rows it released."""
    if not _has_refused(con):
        return
    scope = "" if full else "and delivery_id in (select delivery_id from lake.registry.redo)"
    con.execute(
        f"""insert into lake.quality.quarantine_before by name
            select quarantine_id, {_LOCATOR}, "rule", reason, "raw" from {REFUSED}
            where quarantine_id not in (select quarantine_id from lake.quality.quarantine_before) {scope}"""
    )


# ---- after the rows were checked ------------------------------------------------------------------------------------


def settle(con: duckdb.DuckDBPyConnection, contracts: Mapping[str, DatasetContract]) -> dict[str, int]:
    """Records what the build made of refused rows: replayed, reopened, and closed by a later delivery. Returns the counts.

    Repeating it records nothing twice.
    """
    with transaction(con):
        counts = {"replayed": _replayed(con), "reopened": _reopened(con)}
        con.execute("delete from lake.quality.quarantine_before")
        counts["closed"] = sum(_close_superseded(con, contract) for contract in _touched(con, contracts))
    return counts


_LATEST = """
    select * from lake.quality.quarantine_event
    where event <> 'declined' and (by_delivery is null
        or by_delivery in (select delivery_id from lake.foundation.delivery where status = 'taken'))
    qualify row_number() over (partition by quarantine_id, delivery_id order by event_number desc) = 1"""


def _replayed(con: duckdb.DuckDBPyConnection) -> int:
    """Rows refused before, accepted now: corrected by the department, or released by a changed rule, look-up or contract."""
    rows = f"""
        select b.quarantine_id, {_of("b")}, 'replayed' as event, by_hand."by", $1::timestamptz as "at",
               case when by_hand."by" is null then '规则、代码表或契约变更后通过' else '部门更正后通过' end as "note",
               b."rule", b.reason, b."raw", null::varchar as by_delivery, by_hand.workbook_delivery_id
        from lake.quality.quarantine_before as b
        join lake.foundation.delivery as d on b.delivery_id = d.delivery_id and d.status = 'taken'
        left join ({_LATEST}) as latest on b.quarantine_id = latest.quarantine_id and b.delivery_id = latest.delivery_id
        left join (
            select delivery_id, sheet, row_number, arg_max(corrected_by, (corrected_at, workbook_delivery_id)) as "by",
                   arg_max(workbook_delivery_id, (corrected_at, workbook_delivery_id)) as workbook_delivery_id
            from lake.quality.correction group by all) as by_hand
          on b.delivery_id = by_hand.delivery_id and b.row_number = by_hand.row_number and b.sheet is not distinct from by_hand.sheet
        where (b.quarantine_id, b.delivery_id) not in (select (quarantine_id, delivery_id) from {REFUSED})
          and latest.event is distinct from 'replayed'"""
    return _record(con, rows, [datetime.now(UTC)])


def _reopened(con: duckdb.DuckDBPyConnection) -> int:
    """Rows refused again: the correction was not enough, or a rule became stricter."""
    rows = f"""
        select r.quarantine_id, {_of("r")}, 'reopened' as event, null::varchar as "by", $1::timestamptz as "at",
               case when latest.event = 'corrected' then '更正后仍不合格' else '重新检查后又不合格' end as "note",
               r."rule", r.reason, r."raw", null::varchar as by_delivery, latest.workbook_delivery_id
        from {REFUSED} as r join ({_LATEST}) as latest
          on r.quarantine_id = latest.quarantine_id and r.delivery_id = latest.delivery_id
        where latest.event in ('corrected', 'replayed')"""
    return _record(con, rows, [datetime.now(UTC)])


def _touched(con: duckdb.DuckDBPyConnection, contracts: Mapping[str, DatasetContract]) -> list[DatasetContract]:
    """Datasets with open rows and something new: only there can a later delivery have brought a row in sound."""
    found = con.execute(
        f"""select distinct dataset from {REFUSED} where dataset in (
                select dataset from lake.foundation.delivery
                where delivery_id not in (select unnest(deliveries) from lake.foundation.build where published)
                   or delivery_id in (select delivery_id from lake.registry.redo))
            order by all"""
    ).fetchall()
    return [contracts[d] for (d,) in found if d in contracts]


def _close_superseded(con: duckdb.DuckDBPyConnection, contract: DatasetContract) -> int:
    """Open rows that a later delivery brings in sound: the same key, or every cell the same but those that refused the row.

    Only where one accepted row of that delivery answers to one refused row: anything less clear stays open.
    """
    con.execute(
        f"""create or replace temp table unsettled as
            select r.*, list_sort(list_distinct(list_transform(list_filter(r.findings, lambda f: f.severity = 'quarantine'), lambda f: f."column"))) as refusing
            from {REFUSED} as r left join ({_LATEST}) as latest
              on r.quarantine_id = latest.quarantine_id and r.delivery_id = latest.delivery_id
            where r.dataset = ? and latest.event is distinct from 'dismissed'""",
        [contract.id],
    )
    checked = f"lake.staging.{quote('checked_' + contract.model_name)}"
    later = """(c.delivered_on > u.delivered_on or (c.delivered_on = u.delivered_on and c.received_at > u.received_at))
               and c.delivery_id <> u.delivery_id and not c.is_refused"""
    matches = [f"select u.quarantine_id, u.delivery_id as refused_in, c.delivery_id, c.sheet, c.row_number, c.delivered_on, c.file "
               f"from {checked} as c join unsettled as u on c.row_key = u.row_key and {later}"]  # fmt: skip
    masks = con.execute(
        "select distinct refusing from unsettled where len(refusing) > 0 and refusing[1] is not null order by all"
    ).fetchall()
    mine = f"join {checked} as o on o.delivery_id = u.delivery_id and o.row_number = u.row_number and o.sheet is not distinct from u.sheet"
    for (refusing,) in masks:
        others = [quote(c.name + "_raw") for c in contract.columns if c.name not in refusing and c.headers]
        if len(others) >= LEAST_EQUAL:
            columns = ", ".join(literal(name) for name in refusing)
            told = ", ".join(f"o.{name}" for name in others)
            matches.append(
                f"select u.quarantine_id, u.delivery_id as refused_in, c.delivery_id, c.sheet, c.row_number, c.delivered_on, c.file "
                f"from {checked} as c join (select o.*, u.quarantine_id from unsettled as u {mine} "
                f"where u.refusing = [{columns}] and len(list_filter([{told}], lambda cell: cell is not null)) >= {LEAST_EQUAL}) as u "
                f"on {' and '.join(f'c.{name} is not distinct from u.{name}' for name in others)} and {later}"
            )
    rows = f"""
        with matched as (select distinct * from ({" union all ".join(matches)})),
        clear as (
            select * from matched
            qualify count(*) over (partition by quarantine_id, refused_in, delivery_id) = 1
                and count(*) over (partition by refused_in, delivery_id, sheet, row_number) = 1),
        first as (select * from clear qualify row_number() over (partition by quarantine_id, refused_in order by delivered_on, file) = 1)
        select u.quarantine_id, {_of("u")}, 'dismissed' as event, null::varchar as "by", null::timestamptz as "at",
               '后来的交付“' || first.file || '”第 ' || first.row_number || ' 行已是合格的同一条记录' as "note",
               u."rule", u.reason, u."raw", first.delivery_id as by_delivery, null::varchar as workbook_delivery_id
        from unsettled as u join first on u.quarantine_id = first.quarantine_id and u.delivery_id = first.refused_in"""
    return _record(con, rows, [])


# ---- small parts ----------------------------------------------------------------------------------------------------


def _has_refused(con: duckdb.DuckDBPyConnection) -> bool:
    return table_exists(con, "intermediate", "int_quarantine__refused")


def _of(alias: str) -> str:
    return ", ".join(f"{alias}.{name.strip()}" for name in _LOCATOR.split(","))


def _record(con: duckdb.DuckDBPyConnection, rows: str, values: Sequence[Any]) -> int:
    """Appends events; returns how many."""
    con.execute(f"create or replace temp table told as {rows}", list(values))
    con.execute(
        """insert into lake.quality.quarantine_event by name
           select (select coalesce(max(event_number), 0) from lake.quality.quarantine_event)
                  + row_number() over (order by delivery_id, sheet, row_number) as event_number, *
           from told"""
    )
    row = con.execute("select count(*) from told").fetchone()
    return int(row[0]) if row else 0


def dismiss(con: duckdb.DuckDBPyConnection, quarantine_ids: Sequence[str], *, by: str, reason: str) -> int:
    """Records that nobody need mend these rows; they stay refused and kept. Returns how many there were."""
    rows = f"""
        select quarantine_id, {_LOCATOR}, 'dismissed' as event, $1 as "by", $2::timestamptz as "at", $3 as "note", "rule", reason, "raw",
               null::varchar as by_delivery, null::varchar as workbook_delivery_id
        from {REFUSED} where list_contains($4::varchar[], quarantine_id)"""
    return _record(con, rows, [by, datetime.now(UTC), reason, list(quarantine_ids)])
