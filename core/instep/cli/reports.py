"""What a run leaves beside its output: Markdown for a pull request, figures for Prometheus, a log in JSON lines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from instep.sync.run import Outcome
    from instep.sync.transport import World

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(dir_okay=False, path_type=Path)


class NewFile(click.Path):
    """A file that is written when all is done: its folder is looked for before anything is."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        file = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not file.absolute().parent.is_dir():
            self.fail(f"There is no folder {file.parent}.", param, ctx)
        return file


@dataclass(slots=True)
class Reports:
    """Where reports of one run go, and what it came to."""

    markdown: Path | None
    show_values: bool
    metrics: Path | None
    log: Path | None
    outcome: Outcome | None = None
    world: World = field(init=False)
    """What the run is handed."""


def report_options(command: F) -> F:
    """`--markdown`, `--show-values`, `--metrics-file` and `--log`, handed on as `reports`."""
    from functools import wraps

    @click.option("--markdown", type=NewFile(), help="Write a report for a pull request: counts, no values.")
    @click.option("--show-values", is_flag=True, help="With samples of values in the report.")
    @click.option("--metrics-file", "metrics", type=_FILE, help="Write figures as Prometheus reads them.")
    @click.option("--log", type=_FILE, help="Add a line of JSON for every event: ids and codes, no values.")
    @wraps(command)
    def with_reports(*args: Any, markdown: Any, show_values: bool, metrics: Any, log: Any, **kwargs: Any) -> Any:
        return command(*args, reports=Reports(markdown, show_values, metrics, log), **kwargs)

    return with_reports  # type: ignore[return-value]


@contextmanager
def reporting(reports: Reports, store: Path) -> Iterator[Reports]:
    """Hand a run its world, and write every report when it is over; a run that failed leaves its figures too."""
    from instep.sync.transport import World

    with ExitStack() as stack:
        reports.world = World()
        if reports.log is not None:
            from instep.cli.logs import log_to, open_log

            reports.world = World(log=log_to(stack.enter_context(open_log(reports.log))))
        try:
            yield reports
        finally:
            _write(reports, store)


def _write(reports: Reports, store: Path) -> None:
    if reports.metrics is not None:
        from instep.cli.metrics import write_metrics

        write_metrics(reports.metrics, store, reports.outcome)
    outcome = reports.outcome
    if outcome is not None:
        publish(reports.markdown, lambda: _report(outcome, values=reports.show_values))


def _report(outcome: Outcome, *, values: bool) -> str:
    from instep.cli.markdown import report

    return report(outcome, values=values)


def publish(file: Path | None, report: Callable[[], str]) -> None:
    """Write a report in Markdown to a file, and to the summary of a GitHub job, where there is either."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    text = report() if file is not None or summary else ""
    if file is not None:
        file.write_text(text, encoding="utf-8")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as job:
            job.write(text)
