"""A run as a Prometheus text file, for node_exporter's textfile collector: figures only, no record and no value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from instep.store import Store

if TYPE_CHECKING:
    from instep.sync.run import Outcome


def write_metrics(path: Path, store: Path, outcome: Outcome | None) -> None:
    """Replace the file by the figures of the last run; `outcome` is None for one that failed.

    The time of the last success stays what it was when a run fails.
    """
    registry = CollectorRegistry()
    gauge = _gauges(registry)
    gauge("run_ok", "1 if the last run did everything, 0.5 if some of it waits, else 0").set(_grade(outcome))
    if store.exists():
        with Store(store) as state:
            _times(gauge, state)
            _waiting(gauge, state)
    for name, account in outcome.account.items() if outcome else ():
        _figures(gauge, name, account)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(path), registry)


def _gauges(registry: CollectorRegistry) -> Any:
    """Makes each gauge once, whatever labels it is asked for with."""
    made: dict[str, Gauge] = {}

    def gauge(name: str, help: str, **labels: str) -> Any:
        if name not in made:
            made[name] = Gauge(f"instep_{name}", help, list(labels), registry=registry)
        return made[name].labels(**labels) if labels else made[name]

    return gauge


def _grade(outcome: Outcome | None) -> float:
    return {"done": 1.0, "partial": 0.5}.get(outcome.status if outcome else "", 0.0)


_LAST = "SELECT started_at, finished_at FROM run WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1"
_GOOD = (
    "SELECT max(finished_at) FROM run WHERE status IN ('done', 'partial') AND command IN ('sync', 'apply') "
    "AND EXISTS (SELECT 1 FROM meta WHERE key = 'applied')"
)


def _times(gauge: Any, state: Store) -> None:
    last, good = state.row(_LAST), state.row(_GOOD)
    if last:
        began, ended = (datetime.fromisoformat(at).timestamp() for at in last)
        gauge("run_finished_timestamp_seconds", "When the last run ended").set(ended)
        gauge("run_duration_seconds", "How long the last run took, by this machine's clock").set(ended - began)
    if good and good[0]:
        at = datetime.fromisoformat(good[0]).timestamp()
        gauge("last_success_timestamp_seconds", "When a run last brought the systems in step").set(at)


def _waiting(gauge: Any, state: Store) -> None:
    for name, help, query in (
        ("questions", "Questions that wait for a person", "SELECT count(*) FROM question"),
        ("refused", "Writes that were refused and wait", "SELECT count(*) FROM quarantine"),
        (
            "unsettled",
            "Writes of unknown outcome",
            "SELECT count(*) FROM journal WHERE state IN ('intended','unknown')",
        ),
    ):
        gauge(f"{name}_waiting", help).set(state.count(query))


def _figures(gauge: Any, connection: str, account: Mapping[str, Any]) -> None:
    for fate in ("seen", "unchanged", "changed", "conflicts", "unaccounted"):
        gauge("records", "Records of the last run", connection=connection, fate=fate).set(account[fate])
    for fate in ("skipped", "quarantined"):
        count = sum(account[fate].values())
        gauge("records", "Records of the last run", connection=connection, fate=fate).set(count)
    gauge("calls", "API calls of the last run", connection=connection).set(account["calls"])
    for object, acts in account["written"].items():
        for action, count in acts.items():
            labels = {"connection": connection, "object": object, "action": action}
            gauge("written", "Writes of the last run that took effect", **labels).set(count)
