"""Overrides: a stage that a person set here, with a reason and perhaps a last day. It is a claim like any other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from instep.model.journey import Claim, ClaimType
from instep.model.process import Process

SOURCE = "instep/override/"
"""What the source of every override's claim begins with."""

OverrideState = Literal["waits", "counts", "over"]


@dataclass(frozen=True, slots=True)
class Override:
    """What a person said of a stage here. `stage` may be a detour's key."""

    id: int
    entity: str
    stage: str
    reason: str
    by: str
    at: datetime
    expires: datetime | None = None
    pending: bool = False
    """Whether no run has carried it out yet."""

    @property
    def source(self) -> str:
        return f"{SOURCE}{self.id}"

    def state_at(self, now: datetime) -> OverrideState:
        """Whether the next run is to carry it out, it is among the claims that count, or it is over."""
        if self.expires is not None and self.expires <= now:
            return "over"
        return "waits" if self.pending else "counts"

    def as_claim(self, process: Process, now: datetime) -> Claim:
        """The claim that it is on a journey; never dated later than the run that hears it."""
        type: ClaimType = "detour" if process.detour(self.stage) is not None else "assertion"
        return Claim(min(self.at, now), type, self.stage, self.source, True, self.reason, self.expires)
