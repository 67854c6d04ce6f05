"""What a validator looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from instep.mapping.compiled import Workspace
from instep.provision.plan import SystemPlan
from instep.sync.health.finding import Finding
from instep.sync.session import Live


@dataclass(frozen=True, slots=True)
class View:
    """One system's plan, with the files that it was made from and the connection that it is for."""

    workspace: Workspace
    live: Live
    plan: SystemPlan

    def finding(self, code: str, what: str, remedy: str, level: Literal["warning", "wrong"] = "wrong") -> Finding:
        return Finding(self.plan.connection, code, what, level, remedy)
