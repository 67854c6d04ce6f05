"""Bulk jobs: a few run at a time, the others wait in the order in which they were queued."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

Status = Literal["Created", "Queued", "Processing", "Completed", "Canceled"]
PENDING = ("Queued", "Processing")


@dataclass(slots=True)
class Job:
    """A job of `owner`, in one family of calls; `work` is done when it ends. `takes` is how long it runs."""

    id: str
    family: str
    owner: str
    created_at: datetime
    work: Callable[[Job], None]
    format: str = "CSV"
    status: Status = "Created"
    takes: timedelta = timedelta(0)
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    file: bytes = b""


@dataclass(slots=True)
class Import:
    """A file of leads, and what came of its rows."""

    id: int
    job: Job
    names: list[str]
    rows: list[list[str]]
    delimiter: str
    failures: list[list[str]] = field(default_factory=list)
    warnings: list[list[str]] = field(default_factory=list)
    taken: int = 0


@dataclass(slots=True)
class Queue:
    """All jobs of one kind, the oldest first."""

    jobs: dict[str, Job] = field(default_factory=dict)

    def waiting(self) -> int:
        """How many jobs are queued or run."""
        return sum(job.status in PENDING for job in self.jobs.values())

    def enqueue(self, job: Job, now: datetime, takes: timedelta) -> None:
        """Let a job run when its turn comes."""
        job.status, job.queued_at, job.takes = "Queued", now, takes
        self.jobs[job.id] = self.jobs.pop(job.id, job)

    def settle(self, now: datetime, most_running: int) -> None:
        """Bring every job to where it is at `now`."""
        while (job := self._next(most_running)) is not None:
            at = job.started_at + job.takes if job.started_at else self._turn(job)
            if at > now:
                return
            if job.started_at is None:
                job.status, job.started_at = "Processing", at
            else:
                job.status, job.finished_at = "Completed", at
                job.work(job)

    def _next(self, most_running: int) -> Job | None:
        """The job to which something happens first: one that may start, or the running one that ends first."""
        pending = [job for job in self.jobs.values() if job.status in PENDING]
        running = [job for job in pending if job.status == "Processing"]
        queued = [job for job in pending if job.status == "Queued"]
        if queued and len(running) < most_running:
            return queued[0]
        return min(running, key=lambda job: (job.started_at or job.created_at) + job.takes, default=None)

    def _turn(self, job: Job) -> datetime:
        """When a job starts: at once, or when the last one before it made room."""
        ends = [other.finished_at for other in self.jobs.values() if other.finished_at is not None]
        assert job.queued_at is not None  # noqa: S101
        return max([job.queued_at, *ends])
