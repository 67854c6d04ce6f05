"""What `instep explain` prints of a stage and of a score, beside what it prints of every field."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from instep.cli.output import brief, moment

_MOST_PEOPLE = 20


def stage_lines(document: dict[str, Any]) -> list[str]:
    """What was set here, the stage that the buyer's acts prove, how it came there, and the buyer's other journeys."""
    lines = [_override_line(one) for one in document["overrides"]]
    journey = document["journey"]
    if journey is None:
        return lines
    if document["overrides"] or journey["proven"] != journey["stage"]:
        lines.append(f"  proven    {journey['proven'] or 'nothing'}, by what the buyer did alone")
    lines += [_step_line(step) for step in document["steps"]]
    if journey["detour"]:
        lines.append(f"  detour    {journey['detour']} since {moment(journey['detour_since'])}")
    if journey["overdue_from"]:
        lines.append(f"  overdue   since {moment(journey['overdue_from'])}")
    lines += [f"  referred  by {brief(one['known_as'])}" for one in journey["referred_by"]]
    return [*lines, *(_journey_line(other) for other in document["other_journeys"])]


def _override_line(one: dict[str, Any]) -> str:
    until = f" until {moment(one['until'])}" if one["until"] else ""
    does = "decides" if one["decides"] else "the next run carries it out" if one["state"] == "waits" else "counts"
    return f"  override  {one['stage']}{until}, set by {one['by']} at {moment(one['at'])}: {one['reason']} ({does})"


def _step_line(step: dict[str, Any]) -> str:
    back = " back" if step["back"] else ""
    reason = f": {step['reason']}" if step["reason"] else ""
    return f"  step      {moment(step['since'])}{back} to {step['stage']}, {step['because']}{reason}"


def _journey_line(journey: dict[str, Any]) -> str:
    since = f" since {moment(journey['since'])}" if journey["since"] else ""
    rest = [journey["kind"], *(part for part in (journey["outcome"], journey["detour"]) if part)]
    name = brief(journey["known_as"])
    return f"  journey   {name}: {journey['stage'] or 'no stage'}{since} ({', '.join(rest)}), {journey['id']}"


def score_lines(score: dict[str, Any]) -> list[str]:
    """Every act and rule that a score is made of, and when it crosses its next line."""
    lines = [_act_line(act) for act in score["acts"]]
    lines += _people_lines(score["people"])
    lines += [f"  fit       {rule['points']:+.2f} {rule['when']}" for rule in score["fit_rules"]]
    lines += [
        f"  nothing   {moment(one['at'])} {one['behaviour']} from {one['source']}: {one['why']}"
        for one in score["not_counted"]
    ]
    total = f"{math.floor(score['computed'] * 100 + 1e-6) / 100:.2f} at {moment(score['at'])}"  # as it is published
    lines.append(f"  total     {total}: engagement {score['engagement']:.2f} and fit {score['fit']:.2f}")
    if score["published"] is not None:
        down = " (rounded down)" if score["published"] < score["computed"] < score["published"] + 1 else ""
        words = [
            f"{score['published']}{down}",
            *(f"{what} {score[what]}" for what in ("band", "grade") if score[what]),
        ]
        since = f" since {moment(score['published_at'])}" if score["published_at"] else ""
        lines.append(f"  published {', '.join(words)}{since}")
    if score["is_due"]:
        lines.append("  crosses   a line already: the next run publishes it anew")
    elif score["next_crossing"]:
        lines.append(f"  crosses   its next line at {moment(score['next_crossing'])}, if nothing happens")
    return lines


def _act_line(act: dict[str, Any]) -> str:
    also = f", also told by {', '.join(act['also'])}" if act["also"] else ""
    company = f", while nobody at {act['company']} was known" if act["company"] else ""
    points = f"{act['left']:+.2f} left of {act['points']:+g}"
    return f"  act       {points} {moment(act['at'])} {act['behaviour']} from {act['source']}{also}{company}"


def _people_lines(people: Sequence[dict[str, Any]]) -> list[str]:
    shown, rest = people[:_MOST_PEOPLE], people[_MOST_PEOPLE:]
    lines = [f"  person    {one['adds']:+.2f} {brief(one['known_as'])} ({one['entity']})" for one in shown]
    if rest:
        lines.append(f"  person    {sum(one['adds'] for one in rest):+.2f} {len(rest):,} more (--json lists them)")
    return lines
