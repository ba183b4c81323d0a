"""Who is told when a step fails: one notice that names department and file, kept as a line and sent where the office listens.

`reports/notices.jsonl` keeps every notice. Where the variable TOWNLAKE_NOTICE_URL names a web hook, the notice is posted there as
JSON in the form that the robots of DingTalk and WeCom read (`msgtype`, `text.content`), with all its parts beside.
"""

from __future__ import annotations

import contextlib
import json
import os
import urllib.request
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ingestion.files import BEIJING
from warehouse.errors import TownlakeError
from warehouse.home import Home
from warehouse.lake import lake_exists, reading, redact, table_exists

URL = "TOWNLAKE_NOTICE_URL"
SECONDS = 10


@dataclass(frozen=True)
class Notice:
    """What failed. `files` holds (department, file) of every delivery at fault; empty where no delivery is."""

    at: str
    step: str
    reason: str
    files: tuple[tuple[str, str], ...] = ()
    link: str | None = None

    @property
    def zh(self) -> str:
        """The sentence that people read."""
        whose = "；".join(f"{department} 的 {file}" for department, file in self.files)
        return f"townlake：{self.step} 没有完成" + (f"，涉及 {whose}" if whose else "") + f"。原因：{self.reason}"


def failed(
    home: Home,
    step: str,
    error: BaseException | str,
    *,
    file: str | None = None,
    build_id: str | None = None,
    link: str | None = None,
) -> Notice:
    """The notice of a failed step: about the file it took, or the deliveries that its gate found at fault.

    What an engine says of an error may repeat a cell, so only what townlake itself or the operating system says is told; of
    everything else its kind, and the log has the rest.
    """
    files = ((file.split("/", 1)[0], file),) if file else _at_fault(home, build_id)
    now = datetime.now(BEIJING).isoformat(timespec="seconds")
    return Notice(now, step, _reason(error), files, link)


def _reason(error: BaseException | str) -> str:
    told: BaseException | str | None = error
    while isinstance(told, BaseException) and not isinstance(told, TownlakeError | OSError):
        told = told.__cause__
    if isinstance(told, TownlakeError):
        return redact(" ".join(str(told).split()))[:600]
    if isinstance(told, OSError):
        return told.strerror or type(told).__name__
    return error if isinstance(error, str) else f"{type(error).__name__}（详情见任务日志）"


def _at_fault(home: Home, build_id: str | None) -> tuple[tuple[str, str], ...]:
    if build_id is None or not lake_exists(home):
        return ()
    with reading(home, tip=True) as con:
        if not table_exists(con, "quality", "rule_result"):
            return ()
        found = con.execute(
            """select distinct d.department, d.file from lake.quality.rule_result as r
               join lake.foundation.delivery as d using (delivery_id)
               where r.build_id = ? and r.severity = 'critical' and r.failed_rows > 0 order by all""",
            [build_id],
        ).fetchall()
    return tuple((department, file) for department, file in found)


def tell(home: Home, notice: Notice) -> bool:
    """Keeps the notice and sends it; returns whether it was sent. A web hook that does not answer never fails a step."""
    home.reports.mkdir(parents=True, exist_ok=True)
    line = json.dumps({**asdict(notice), "zh": notice.zh}, ensure_ascii=False)
    with contextlib.suppress(OSError), (home.reports / "notices.jsonl").open("a", encoding="utf-8") as out:
        out.write(line + "\n")
    return _post(notice)


def _post(notice: Notice) -> bool:
    url = os.environ.get(URL, "")
    if not url.startswith(("https://", "http://")):
        return False
    text = notice.zh + (f"\n{notice.link}" if notice.link else "")
    body: dict[str, Any] = {"msgtype": "text", "text": {"content": text}, "notice": asdict(notice)}
    request = urllib.request.Request(
        url,
        method="POST",
        data=json.dumps(body, ensure_ascii=False).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return 200 <= int(answer.status) < 300
    except (OSError, ValueError):
        return False
