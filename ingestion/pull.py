"""A PostgreSQL table or query as a source: each pull becomes a file that goes the way of every file.

What a contract says under `pull` is read by PostgreSQL itself as text, every cell as the server shows it, streamed into a
Parquet file and claimed like a file of the landing folder; archive, raw and receipt follow. The receipt is the only memory:
the next pull starts from the watermark of the last receipt that was taken, so a pull killed anywhere is either seen as
never done, or found complete in the scratch folder and taken as it is.

With a watermark the next pull reads rows whose watermark is **not below** the last one (less the overlap), and leaves out
those that an earlier delivery holds exactly so. Thus rows that share the last value, and rows committed late within the
overlap, come once and are not lost; nothing new means no delivery. Rows without a watermark cannot be followed: they are
counted and reported, not pulled. Without a watermark each pull is a full delivery.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote_plus, unquote

from ingestion.contracts import DatasetContract, Pull
from ingestion.files import BEIJING, sha256_of
from ingestion.landing import Claim
from ingestion.receipts import known_receipts
from warehouse import store
from warehouse.errors import EnvironmentFault
from warehouse.home import Home
from warehouse.lake import engine, literal, quote
from warehouse.lock import exclusive

if TYPE_CHECKING:
    import duckdb

METADATA = "townlake"
"""Key of the Parquet file's own metadata: `kinds` (what the columns were) and `pull` (what was asked for)."""

SESSION = {
    "timezone": "Asia/Shanghai",
    "datestyle": "ISO,YMD",
    "intervalstyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "default_transaction_read_only": "on",
}
"""How the server is to show values, whatever its own settings are; and it is to change nothing."""

_KINDS = (
    (re.compile(r"BOOLEAN"), "bool"),
    (re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL.*|FLOAT|DOUBLE|REAL"), "number"),
    (re.compile(r"DATE"), "date"),
    (re.compile(r"TIMESTAMP.*"), "datetime"),
    (re.compile(r"TIME.*|INTERVAL"), "time"),
)
_NO_DSN = re.compile(
    r"\bURI\b|connection info string|connection option|percent-encoded|port number|missing \"=\"|unterminated"
)
_PERIODS = {"hour": "%Y%m%d%H", "day": "%Y%m%d", "week": "%G%V", "month": "%Y%m"}

Status = Literal["new", "nothing_new", "not_due", "not_configured", "failed"]


@dataclass(frozen=True)
class Pulled:
    """What came of one contract's pull: a claim where there is something to take, and one sentence for the log."""

    dataset: str
    status: Status
    message: str
    claim: Claim | None = None

    def to_json(self) -> dict[str, Any]:
        return {"dataset": self.dataset, "status": self.status, "message": self.message}


def pull(
    home: Home, contract: DatasetContract, *, retry: Callable[[dict[str, Any]], bool] = lambda receipt: False
) -> Pulled:
    """Pulls what is new for one contract; nothing is delivered before its claim is taken (intake.take).

    `retry` says of an earlier refused receipt whether the same rows deserve another look. Raises EnvironmentFault when the server cannot be reached or will not answer; no secret stands in the message.
    """
    source = contract.custom.pull
    assert source is not None
    dsn = os.environ.get(source.connection, "").strip()
    if not dsn:
        return Pulled(
            contract.id,
            "not_configured",
            f"the environment variable {source.connection} is not set: nothing was pulled",
        )
    with exclusive(home.claims / "locks" / f"{contract.id}.pull.lock", f"pulling {contract.id}"):
        receipts = known_receipts(home)
        history = _history(receipts, contract)
        if waiting := _waiting(home, contract, receipts, _since(history)):
            return Pulled(contract.id, "new", "an earlier pull that was not taken yet", waiting)
        if not _is_due(source, history):
            return Pulled(contract.id, "not_due", f"pulled already this {source.every}")
        pending = _folder(home) / f"{contract.id}-{uuid.uuid4().hex[:8]}.parquet"
        with _connected(home, source, dsn) as con:
            rows, message = _write(home, con, source, history, pending)
        if not rows and source.watermark:
            return Pulled(contract.id, "nothing_new", f"nothing new in {source.label}{message}")
        claim = _claim(contract, pending)
        if (known := receipts.get(claim.delivery_id)) and not retry(known):
            pending.unlink()
            told = "refused before, see the receipt of" if known["status"] == "refused" else "delivered already as"
            return Pulled(contract.id, "nothing_new", f"{source.label} is as it was {told} {known['file']}")
        return Pulled(contract.id, "new", f"{rows} rows from {source.label}{message}", claim)


def _folder(home: Home) -> Path:
    return home.work / "pulls"


def _waiting(
    home: Home, contract: DatasetContract, receipts: Mapping[str, Mapping[str, Any]], since: str | None
) -> Claim | None:
    """The claim of a complete pull that was left over when a run was killed. What a killed pull left half done goes."""
    found = None
    for path in sorted(_folder(home).glob(f"{contract.id}-*")):
        claim = _claim(contract, path) if path.suffix == ".parquet" else None
        if found is None and claim and claim.delivery_id not in receipts and (claim.pull or {})["since"] == since:
            found = claim
        else:
            path.unlink(missing_ok=True)
    return found


def _history(receipts: Mapping[str, Mapping[str, Any]], contract: DatasetContract) -> list[Mapping[str, Any]]:
    """Receipts of earlier pulls of the same source that were taken, oldest first."""
    source = contract.custom.pull
    assert source is not None
    mine = [
        r
        for r in receipts.values()
        if r["status"] in ("taken", "identical")
        and r.get("dataset") == contract.id
        and (r.get("pull") or {}).get("source_id") == _source_id(source)
    ]
    return sorted(mine, key=lambda r: str(r["received_at"]))


def _source_id(source: Pull) -> str:
    """What was pulled, whatever server it lies on now: another table or watermark starts from the beginning."""
    return hashlib.sha256(json.dumps([source.table, source.query, source.watermark]).encode()).hexdigest()[:12]


def _since(history: Sequence[Mapping[str, Any]]) -> str | None:
    return history[-1]["pull"]["to"] if history else None


def _is_due(source: Pull, history: Sequence[Mapping[str, Any]]) -> bool:
    if source.every == "intake" or not history:
        return True
    period = _PERIODS[source.every]
    last = datetime.fromisoformat(history[-1]["received_at"]).astimezone(BEIJING)
    return last.strftime(period) != datetime.now(BEIJING).strftime(period)


def _claim(contract: DatasetContract, pending: Path) -> Claim:
    """The claim of a complete pull. Its time is that of the file, so that a run killed in between gives the same one."""
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(pending)
    said = json.loads(metadata.metadata[METADATA.encode()])
    received = datetime.fromtimestamp(pending.stat().st_mtime_ns // 1_000_000 / 1_000, UTC)
    name = contract.id.split(".")[1]
    return Claim(
        delivery_id=sha256_of(pending),
        path=str(pending),
        file=f"{contract.domain}/{name}_pull_{received:%Y%m%dT%H%M%S}{received.microsecond // 1000:03d}Z.parquet",
        department=contract.domain,
        aliases=(),
        bytes=pending.stat().st_size,
        received_at=received.isoformat(timespec="milliseconds"),
        pull={**said["pull"], "rows": metadata.num_rows, "dataset": contract.id},
    )


# ---- the server -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _connected(home: Home, source: Pull, dsn: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with the server attached as `source`. Whatever DuckDB or the server complain about comes out as one sentence."""
    import duckdb

    (home.work / "spill").mkdir(parents=True, exist_ok=True)
    with contextlib.closing(engine(home)) as con:
        con.execute("set preserve_insertion_order = true")
        con.execute("load postgres_scanner")
        try:
            con.execute(f"attach {literal(_with_session(dsn))} as source (type postgres, read_only)")
            yield con
        except duckdb.Error as error:
            raise EnvironmentFault(f"pulling {source.label} ({source.connection}): {plain(error, dsn)}") from None


def _with_session(dsn: str) -> str:
    options = " ".join(f"-c {name}={value}" for name, value in SESSION.items())
    if re.match(r"postgres(ql)?://", dsn):
        more = "" if "connect_timeout=" in dsn else "connect_timeout=10&"
        return f"{dsn}{'&' if '?' in dsn else '?'}{more}options={quote_plus(options).replace('+', '%20')}"
    return f"connect_timeout=10 {dsn} options='{options}'"


def plain(error: Exception, dsn: str) -> str:
    """An error's first line as a plain sentence, without the connection string or any part of its password."""
    text = str(error).replace(_with_session(dsn), "…").replace(dsn, "…")
    if _NO_DSN.search(text):  # libpq shows what it did not understand: it may be a piece of the password
        return "the environment variable holds no valid connection string"
    text = re.sub(r'^.*?Unable to connect to Postgres at ".*": ', "", text, flags=re.DOTALL)
    text = re.sub(
        r'^\w+ Error: (Failed to prepare query ".*?": ?|Failed to execute query ".*?": ?)?', "", text, flags=re.DOTALL
    )
    text = next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
    for secret in sorted(_secrets(dsn), key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


def _secrets(dsn: str) -> set[str]:
    """The password of a connection string in every spelling under which it might be shown."""
    found: set[str] = set()
    if uri := re.match(r"postgres(?:ql)?://[^:@/]*:(.*)@", dsn):
        found |= {uri[1], unquote(uri[1])}
    for quoted, bare in re.findall(r"password\s*=\s*(?:'((?:\\.|[^'\\])*)'|([^\s&]+))", dsn):
        given = quoted or bare
        found |= {given, re.sub(r"\\(.)", r"\1", given), unquote(given)}
    return {secret for secret in found if secret}


# ---- one pull -----------------------------------------------------------------------------------------------------------


def _write(
    home: Home,
    con: duckdb.DuckDBPyConnection,
    source: Pull,
    history: Sequence[Mapping[str, Any]],
    pending: Path,
) -> tuple[int, str]:
    """Writes what is new to `pending` (only a complete file bears that name); returns its rows and what to add to the log."""
    types = _columns(con, source)
    since, upper, kind, blank = (
        (_since(history), *_upper(con, source)) if source.watermark in types else (None, None, "", 0)
    )
    note = f"; {blank} rows have no {source.watermark} and cannot be followed" if blank else ""
    if source.watermark and upper is None:
        return 0, note
    said = {
        "source": source.label,
        "source_id": _source_id(source),
        "connection": source.connection,
        "watermark": source.watermark,
        "since": since,
        "to": upper,
        "without_watermark": blank,
        "day": datetime.now(BEIJING).date().isoformat(),
    }
    pending.parent.mkdir(parents=True, exist_ok=True)
    first, last = pending.with_suffix(".reading"), pending.with_suffix(".writing")
    try:
        cells = ", ".join(f"q.{quote(name)}::text as {quote(name)}" for name in types)
        where = _range(source, since, upper, kind)
        _copy(con, _ask(f"select {cells} from {_relation(source)} as q{where}"), first, types, said)
        earlier = _earlier(home, con, source, history, kind) if since is not None else []
        if earlier := [file for file in earlier if _names(con, file) == list(types)]:
            _copy(con, f"({_without(first, earlier, list(types), source)})", last, types, said)
            last.replace(first)
        counted = con.execute(f"select count(*) from read_parquet({literal(str(first))})").fetchone()
        rows = int(counted[0]) if counted else 0
        if rows or not source.watermark:
            first.replace(pending)
        return rows, note
    finally:
        first.unlink(missing_ok=True)
        last.unlink(missing_ok=True)


def _ask(statement: str) -> str:
    """A statement for the server, as a table of DuckDB. Rows come in one stream, by PostgreSQL's COPY."""
    return f"postgres_query('source', {literal(statement)})"


def _relation(source: Pull) -> str:
    if source.query:
        return f"({source.query})"
    return ".".join(quote(part) for part in (source.table or "").split("."))


def _columns(con: duckdb.DuckDBPyConnection, source: Pull) -> dict[str, str]:
    """Type of every column, as DuckDB names it. Raises EnvironmentFault when the watermark is not among them."""
    found = con.execute(f"describe from {_ask(f'select * from {_relation(source)} as q limit 0')}").fetchall()
    types = {str(name): str(kind) for name, kind, *_ in found}
    if source.watermark and source.watermark not in types:
        raise EnvironmentFault(f"{source.label} has no column {source.watermark!r}, the contract's watermark")
    return types


def _upper(con: duckdb.DuckDBPyConnection, source: Pull) -> tuple[str | None, str, int]:
    """(highest watermark as text, its PostgreSQL type, rows without one)."""
    column, relation = f"q.{quote(source.watermark or '')}", _relation(source)
    found = con.execute(
        f"""from {
            _ask(f'''select max({column})::text as upper, pg_typeof(max({column}))::text as kind,
            (select count(*) from {relation} as q where {column} is null) as blank from {relation} as q''')
        }"""
    ).fetchone()
    assert found is not None
    return found[0], found[1], int(found[2])


def _lower(source: Pull, since: str, kind: str) -> str:
    """The lowest watermark to read again, in PostgreSQL's words."""
    bound = f"{literal(since)}::{kind}"
    if not source.overlap:
        return bound
    return f"{bound} - {source.overlap if source.overlap.isdigit() else 'interval ' + literal(source.overlap)}"


def _range(source: Pull, since: str | None, upper: str | None, kind: str) -> str:
    if upper is None:
        return ""
    column = f"q.{quote(source.watermark or '')}"
    lower = f"{column} >= {_lower(source, since, kind)} and " if since is not None else ""
    return f" where {lower}{column} <= {literal(upper)}::{kind}"


def _earlier(
    home: Home, con: duckdb.DuckDBPyConnection, source: Pull, history: Sequence[Mapping[str, Any]], kind: str
) -> list[str]:
    """Archived files of earlier pulls that reach into what is read again."""
    uppers = ", ".join(f"({literal(r['pull']['to'])})" for r in history)
    bound = _lower(source, str(_since(history)), kind)
    statement = f"select upper from (values {uppers}) as v (upper) where upper::{kind} >= {bound}"
    reaching = {row[0] for row in con.execute(f"from {_ask(statement)}").fetchall()}
    files = [r["archive"] for r in history if r["pull"]["to"] in reaching and r.get("archive")]
    return [home.address(f) for f in files if store.size(home, f) is not None]


def _names(con: duckdb.DuckDBPyConnection, file: str) -> list[str]:
    return [row[0] for row in con.execute(f"describe from read_parquet({literal(file)})").fetchall()]


def _without(file: Path, earlier: list[str], columns: list[str], source: Pull) -> str:
    """Rows of `file` that stand in none of the `earlier` files exactly so."""
    this, those = literal(str(file)), "[" + ", ".join(literal(f) for f in earlier) + "]"
    watermark = quote(source.watermark or "")
    same = " and ".join(f"known.{quote(c)} is not distinct from fresh.{quote(c)}" for c in columns)
    return f"""select fresh.* from read_parquet({this}) as fresh where not exists (
        select 1 from (from read_parquet({those}) where {watermark} in (select {watermark} from read_parquet({this}))) as known
        where {same})"""


def _copy(
    con: duckdb.DuckDBPyConnection, rows: str, out: Path, types: Mapping[str, str], said: Mapping[str, Any]
) -> None:
    kinds = {name: kind for name, found in types.items() if (kind := _kind_of(found))}
    metadata = literal(json.dumps({"kinds": kinds, "pull": said}, ensure_ascii=False))
    con.execute(
        f"copy (from {rows}) to {literal(str(out))} (format parquet, compression zstd, kv_metadata {{{METADATA}: {metadata}}})"
    )


def _kind_of(duckdb_type: str) -> str | None:
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(duckdb_type)), None)
