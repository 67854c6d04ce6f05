"""Plans, reports and drift of a configuration, as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from instep.cli.markdown import capped, code, markdown_table
from instep.cli.output import shown
from instep.model.values import Scalar, plain

if TYPE_CHECKING:
    from instep.provision.drift import Drift
    from instep.provision.plan import ProvisionPlan, SystemPlan
    from instep.provision.run import Report
    from instep.provision.steps import Difference, Step

_SIGNS = {
    "add": "+",
    "extend": "+",
    "change": "~",
    "relabel": "~",
    "order": "~",
    "offer": "~",
    "move": ">",
    "retire": "-",
}
NOTHING = "Every system is as the files say."


def plan_text(plan: ProvisionPlan) -> str:
    """A plan as people read it: per system what is done, in that order, and what is left for them."""
    parts = [part for system in plan.systems if (part := "\n".join(_system_lines(system)))]
    return "\n\n".join([*parts, _plan_end(plan)])


def _plan_end(plan: ProvisionPlan) -> str:
    count = sum(len(system.steps) for system in plan.systems)
    if plan.wrong:
        things = "1 thing has" if len(plan.wrong) == 1 else f"{len(plan.wrong):,} things have"
        return f"{things} to be put right first. Until then nothing is applied, in any system."
    if plan.is_empty:
        return NOTHING
    return f"{count:,} to do." if count else "Nothing to change; what is known is to be written down."


def _system_lines(system: SystemPlan) -> Iterator[str]:
    shown_parts = [
        [line for step in system.steps for line in _step_lines(step)],
        [f"  = {plain(what)}: there already, and managed from now on" for what in system.adopted],
        [f"  ! {plain(loss)}" for loss in system.losses],
        list(_by_hand(system.by_hand)),
        [f"  . {plain(what)}: in no file, and left alone" for what in system.unlisted],
        [
            line
            for finding in system.findings
            for line in (f"  {finding.sign} {plain(finding.what)} [{finding.code}]", f"      {plain(finding.remedy)}")
        ],
    ]
    lines = [line for part in shown_parts for line in part]
    if lines:
        yield f"{system.connection}:"
        yield from lines


def _step_lines(step: Step) -> Iterator[str]:
    yield plain(f"  {sign(step)} {step.target}")
    for difference in step.differences:
        yield plain(f"      {difference.what}: {_both(difference)}")
    if step.because:
        yield plain(f"      ({step.because})")


def _by_hand(steps: Iterable[Step]) -> Iterator[str]:
    """What a person has to do, and how, said once for all of a kind."""
    how: dict[str, list[Step]] = {}
    for step in steps:
        how.setdefault(step.by_hand, []).append(step)
    for instruction, together in how.items():
        for step in together:
            yield plain(f"  ? by hand: {step.target}: {'; '.join(f'{d.what}: {_both(d)}' for d in step.differences)}")
        yield plain(f"      {instruction}")


def sign(step: Step) -> str:
    """The sign of what is done."""
    return _SIGNS[step.action.split("-", maxsplit=1)[0]]


def _both(difference: Difference) -> str:
    before, after = difference.before, difference.after
    if before is None:
        return _value(after)
    return f"{_value(before)} -> {_value(after) if after is not None else 'gone'}"


def _value(value: Scalar) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else shown(value)


# --- what was done -----------------------------------------------------------------------------------------------


def report_text(report: Report) -> str:
    """What an apply did, step by step."""
    lines = []
    for one in report.done:
        lines.append(plain(f"  {one.state}: {one.connection}: {one.step.target}"))
        if one.reason:
            lines.append(plain(f"      {one.reason}"))
    for system in report.plan.systems:
        lines += _by_hand(system.by_hand)
    lines += [plain(f"  stopped: {error}") for error in report.errors]
    lines.append(_end(report))
    if report.files:
        lines.append(f"Written, to be committed: {', '.join(report.files)}")
    return "\n".join(lines)


def _end(report: Report) -> str:
    left = sum(len(system.by_hand) for system in report.plan.systems)
    if not report.done and not left:
        return NOTHING
    counts = [(state, report.count(state)) for state in ("applied", "failed", "not attempted")]
    counts.append(("left for you", left))
    return ", ".join(f"{count:,} {state}" for state, count in counts if count) + "."


def adopted_text(report: Report) -> str:
    """What is managed from now on."""
    lines = [f"  = {system.connection}: {plain(what)}" for system in report.plan.systems for what in system.adopted]
    end = f"{len(lines):,} managed from now on." if lines else "Nothing new to manage."
    files = [f"Written, to be committed: {', '.join(report.files)}"] if report.files else []
    return "\n".join([*lines, end, *files])


# --- drift -------------------------------------------------------------------------------------------------------


def drift_text(found: Sequence[Drift]) -> str:
    """Everything that is not as it was applied."""
    lines = []
    for one in found:
        lines.append(plain(f"  {one.connection}: {one.what}"))
        lines += [
            plain(f"      {d.what}: {_value(d.after)} in the files, {_value(d.before)} there")
            for d in one.differences
        ]
    return "\n".join([*lines, f"{len(found):,} drifted." if found else "No drift."])


# --- Markdown ----------------------------------------------------------------------------------------------------


def plan_markdown(plan: ProvisionPlan) -> str:
    """A plan for a pull request."""
    count = sum(len(system.steps) for system in plan.systems)
    headline = f"### Instep: {f'{count:,} to configure' if count else 'every system is as the files say'}"
    rows = [_row(system.connection, step) for system in plan.systems for step in system.steps]
    parts = [headline, markdown_table(["", "connection", "what", "before", "after"], rows)]
    parts += [_listed("By hand", _hand_lines(plan))]
    parts += [_listed("What a system cannot hold", _lines(plan, "losses"))]
    parts += [_listed("Managed from now on", _lines(plan, "adopted"))]
    parts += [_listed("In no file, and left alone", _lines(plan, "unlisted"))]
    parts += [_findings(plan)]
    return capped("\n\n".join(part for part in parts if part) + "\n")


def _row(connection: str, step: Step) -> list[str]:
    before = "<br>".join(code(f"{d.what}: {_value(d.before)}") for d in step.differences if d.before is not None)
    after = "<br>".join(code(f"{d.what}: {_value(d.after)}") for d in step.differences if d.after is not None)
    return [code(sign(step)), code(connection), code(step.target), before, after]


def _lines(plan: ProvisionPlan, name: str) -> Iterator[str]:
    return (f"{code(system.connection)}: {code(line)}" for system in plan.systems for line in getattr(system, name))


def _hand_lines(plan: ProvisionPlan) -> Iterator[str]:
    for system in plan.systems:
        for step in system.by_hand:
            yield f"{code(system.connection)}: {code(step.target)}: {code(step.by_hand)}"


def _listed(title: str, lines: Iterable[str]) -> str:
    items = [f"- {line}" for line in lines]
    return "\n".join([f"**{title}**", "", *items]) if items else ""


def _findings(plan: ProvisionPlan) -> str:
    rows = [
        [code(finding.code), code(finding.connection), code(finding.what), code(finding.remedy)]
        for system in plan.systems
        for finding in system.findings
    ]
    table = markdown_table(["code", "connection", "what", "what to do"], rows)
    return f"**To look at**\n\n{table}" if table else ""


def report_markdown(report: Report) -> str:
    """What an apply did, for the summary of a job."""
    rows = [[one.state, code(one.connection), code(one.step.target), code(one.reason)] for one in report.done]
    table = markdown_table(["", "connection", "what", "why"], rows)
    files = f"Written, to be committed: {', '.join(map(code, report.files))}" if report.files else ""
    stopped = "\n\n".join(f"Stopped: {code(error)}" for error in report.errors)
    parts = (f"### Instep: {_end(report)}", stopped, table, files)
    return capped("\n\n".join(part for part in parts if part) + "\n")


def drift_markdown(found: Sequence[Drift]) -> str:
    """Drift, for the summary of a job."""
    rows = [
        [
            code(one.connection),
            code(one.what),
            "<br>".join(code(f"{d.what}: {_value(d.after)}") for d in one.differences),
            "<br>".join(code(f"{d.what}: {_value(d.before)}") for d in one.differences),
        ]
        for one in found
    ]
    headline = f"### Instep: {f'{len(found):,} drifted' if found else 'no drift'}"
    return capped(
        "\n\n".join(filter(None, [headline, markdown_table(["connection", "what", "files", "there"], rows)])) + "\n"
    )
