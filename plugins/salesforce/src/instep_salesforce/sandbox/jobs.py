"""Jobs of Bulk API 2.0: what they are about and how far they are.

developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_intro.htm
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.ids import normalise

RETENTION = timedelta(days=7)
PATIENCE = timedelta(minutes=10)
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


@dataclass(slots=True)
class Outcome:
    """What became of one row: an id, or an error."""

    row: list[str]
    id: str = ""
    created: bool = False
    error: str | None = None


@dataclass(slots=True)
class Job:
    """One job. A closed one works a share of its rows each time it is looked at."""

    id: str
    kind: Literal["ingest", "query"]
    operation: str
    object: str
    user: str
    version: float
    made: datetime
    state: str
    delimiter: str = "COMMA"
    line_ending: str = "LF"
    key_field: str | None = None
    rule: str | None = None
    data: bytes | None = None
    query: str = ""
    closed: datetime | None = None
    changed: datetime | None = None
    looks_left: int = 0
    header: list[str] = field(default_factory=list)
    waiting: list[list[str]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    count: int = 0
    page: Callable[[int, int], bytes] | None = None
    error: str | None = None
    work: Callable[[Job], None] | None = None

    def to(self, state: str, now: datetime) -> None:
        """Go to a state."""
        self.state, self.changed = state, now

    def fail(self, message: str | None, now: datetime) -> None:
        """End without having done what was asked."""
        self.error = message
        self.to("Failed", now)

    def look(self, now: datetime) -> None:
        """Somebody asks how far the job is."""
        if self.state not in {"UploadComplete", "InProgress"} or self.work is None:
            return
        self.to("InProgress", now)
        self.work(self)
        if self.state == "InProgress" and self.looks_left == 0:
            self.to("JobComplete", now)
        self.looks_left = max(0, self.looks_left - 1)

    def finish(self, now: datetime) -> None:
        """Do all that is left."""
        self.looks_left = 0
        self.look(now)


class Jobs:
    """The jobs of an org, as long as it keeps them."""

    def __init__(self) -> None:
        self._known: dict[str, Job] = {}

    def add(self, job: Job) -> None:
        """Keep a job."""
        self._known[job.id] = job

    def all(self, kind: str) -> list[Job]:
        """All jobs of a kind, oldest first."""
        return [job for job in self._known.values() if job.kind == kind]

    def get(self, id: str, kind: str) -> Job:
        """One job."""
        job = self._known.get(normalise(id) or "")
        if job is None or job.kind != kind:
            raise RefusedError(404, "NOT_FOUND", "The requested resource does not exist")
        return job

    def drop(self, job: Job) -> None:
        """Forget a job."""
        del self._known[job.id]

    def pass_time(self, now: datetime) -> None:
        """End what nobody has looked at for ten minutes; forget what ended a week ago."""
        for job in list(self._known.values()):
            if job.state in {"UploadComplete", "InProgress"} and job.closed and now - job.closed >= PATIENCE:
                job.finish(now)
            if job.state in ENDED and job.changed and now - job.changed >= RETENTION:
                self.drop(job)

    def since(self, kind: str, oldest: datetime) -> int:
        """How many jobs of a kind are younger than `oldest`."""
        return sum(1 for job in self.all(kind) if job.made > oldest)
