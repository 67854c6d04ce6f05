"""Writes the options of a property: read, merged, and sent once for all changes."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from instep.contract import Outcome, Rejected, RetireStage, Unknown, Written
from instep_hubspot.answers import RefusedError
from instep_hubspot.client import HubSpotClient
from instep_hubspot.queries import is_held
from instep_hubspot.refusals import attempt, in_use, outcome_of, taken
from instep_hubspot.schema import Property, find_property, write_options
from instep_hubspot.valuesets import ListChange, Options, after_change, by_hand, clash


def change_options(client: HubSpotClient, object: str, name: str, changes: Sequence[ListChange]) -> list[Outcome]:
    """Read the options of a property, make the changes, and write the whole list once."""
    try:
        property = find_property(client, object, name)
    except RefusedError as refused:
        return [outcome_of(refused.body, refused.status)] * len(changes)
    if property is None or not property.is_list:
        nothing = f'HubSpot has no pipeline and no list of options "{name}" of {object}.'
        return [Rejected("not_found", nothing)] * len(changes)
    if sentence := by_hand(property):
        return [Rejected("by_hand", sentence)] * len(changes)
    return _change_together(client, object, property, changes)


def _change_together(
    client: HubSpotClient, object: str, property: Property, changes: Sequence[ListChange]
) -> list[Outcome]:
    """Where HubSpot refuses all of them, each is tried alone: one that is refused shall not spoil the others."""
    retired = [change.id for change in changes if isinstance(change, RetireStage)]
    held = {value for value in retired if is_held(client, object, {property.name: value})}
    options, outcomes, written = _all_made(tuple(property.options), changes, held)
    if not written:
        return outcomes

    def write() -> Outcome:
        write_options(client, object, property.name, options)
        return Written(property.name, {})

    result = attempt(write)
    if isinstance(result, Written):
        return outcomes
    if isinstance(result, Unknown) or len(changes) == 1:
        return [result if place in written else outcome for place, outcome in enumerate(outcomes)]
    return [change_options(client, object, property.name, [change])[0] for change in changes]


def _all_made(
    options: Options, changes: Sequence[ListChange], held: Container[str]
) -> tuple[Options, list[Outcome], set[int]]:
    """The options after all changes that can be made, what came of each, and the places of those to be written."""
    after, outcomes, written = _made_in_turn(options, changes, held, lambda options: None)
    if clash(after) is None:
        return after, outcomes, written
    return _made_in_turn(options, changes, held, clash)


def _made_in_turn(
    options: Options, changes: Sequence[ListChange], held: Container[str], clash: Callable[[Options], str | None]
) -> tuple[Options, list[Outcome], set[int]]:
    outcomes, written = list[Outcome](), set[int]()
    for place, change in enumerate(changes):
        after, outcome = after_change(options, change)
        if after is not options and isinstance(change, RetireStage) and change.id in held:
            after, outcome = options, in_use(change.id)
        if after is not options and (label := clash(after)):
            after, outcome = options, taken(label)
        outcomes.append(outcome)
        written |= {place} if after is not options else set()
        options = after
    return options, outcomes, written
