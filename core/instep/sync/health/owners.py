"""Whether the people of `team.toml` are users there, and whether those who own records are in `team.toml`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from instep.contract import Absent
from instep.mapping.translate import Unheard, Untold
from instep.model.values import amount
from instep.sync.health.finding import Finding
from instep.sync.health.words import counted
from instep.sync.session import Live, Session, read_catalogue, use_catalogue


def owners(session: Session, live: Live) -> Iterator[Finding]:
    """Nothing where the system keeps no owners."""
    if isinstance(live.parts.owners, Absent):
        return
    use_catalogue(session, live, read_catalogue(session, live))
    people = [owner for owner in session.workspace.team.owners if owner.active]
    lost = [_untold(live, told) for owner in people if isinstance(told := live.directory.user_for(owner.key), Untold)]
    yield from lost
    if people and not lost:
        what = f"each of the {len(people)} active people of team.toml is a user there"
        yield Finding(live.name, "owners", what)
    yield from _strangers(session, live)


def _untold(live: Live, told: Untold) -> Finding:
    return Finding(live.name, told.code, told.why, "wrong", "Correct team.toml, or add or activate the user there.")


def _strangers(session: Session, live: Live) -> Iterator[Finding]:
    """Users to whom records belong, and who are nobody in `team.toml`: that owner is left alone everywhere."""
    found: Counter[str] = Counter()
    for object, mapping in live.mapping.objects.items():
        mapped = mapping.mapped("owner")
        for raw, count in counted(session.store, live.name, object, mapped.field).items() if mapped else ():
            heard = live.directory.owner_of(raw)
            if mapped and isinstance(heard, Unheard) and not live.directory.is_any_of(raw, mapped.nobody):
                found[heard.why] += count
    for why, count in sorted(found.items()):
        what = f"{why}, and owns {amount(count, 'record')}: that owner is left alone"
        remedy = "Add them to team.toml, or list them under nobody = […] of the owner field."
        yield Finding(live.name, "owner-stranger", what, "warning", remedy)
