"""Doctor: ask every system whether what the files expect is there. Creates missing fields only on request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from instep.contract import Absent
from instep.errors import AccessError, InstepError
from instep.sync.health.fields import described, fields
from instep.sync.health.finding import Finding
from instep.sync.health.login import calls, clock, login, scopes, unopened, unusable, versions
from instep.sync.health.ours import create_fields
from instep.sync.health.owners import owners
from instep.sync.health.stages import offers, stages
from instep.sync.session import Live, Session, bind


def examine(session: Session, broken: Mapping[str, InstepError] | None = None) -> list[Finding]:
    """Look at every connection, in the order of `sync.toml`; one that cannot be reached is a finding, not the end.

    `broken` are those that could not even be opened, and why.
    """
    findings: list[Finding] = []
    for name in session.workspace.connection_names:
        error = (broken or {}).get(name)
        if error is not None:
            findings.append(unopened(name, error))
        elif name in session.connections:
            findings += _examined(session, session.live(name))
    return findings


def _examined(session: Session, live: Live) -> Iterator[Finding]:
    yield versions(live)
    for look in (_about_the_login, _about_its_contents):
        found = list(_looked(live, look(session, live)))
        yield from found
        if any(finding.code in ("login-refused", "unusable") for finding in found):
            return


def _about_the_login(session: Session, live: Live) -> Iterator[Finding]:
    info = live.info = live.parts.check()
    bind(session, live)
    yield from login(live, info)
    yield from scopes(live, info)
    yield from clock(session, live, info)
    yield from calls(live, info)


def _about_its_contents(session: Session, live: Live) -> Iterator[Finding]:
    known = described(live)
    yield from known.refused
    for object, mapping in live.mapping.objects.items():
        yield from fields(session, live, object, known)
        if object in known.fields:
            yield from _looked_apart(live, offers(live, mapping, object))
    yield from _looked_apart(live, _about_stages(live))
    if not known.refused:
        yield from _looked_apart(live, owners(session, live))


def _about_stages(live: Live) -> Iterator[Finding]:
    if isinstance(live.parts.stages, Absent) or not any(m.tables() for m in live.mapping.objects.values()):
        return
    pipelines = live.parts.stages.read()
    for object, mapping in live.mapping.objects.items():
        yield from stages(live, mapping, object, pipelines)


def _looked(live: Live, look: Iterable[Finding]) -> Iterator[Finding]:
    """What one look finds; what stops it is found too."""
    try:
        yield from look
    except InstepError as error:
        yield unusable(live.name, error, is_access=isinstance(error, AccessError))


def _looked_apart(live: Live, look: Iterable[Finding]) -> Iterator[Finding]:
    """The same for a part that the others do not depend on."""
    try:
        yield from look
    except AccessError as error:
        yield Finding(live.name, "scope-missing", str(error), "wrong", "Grant it to the login.", True)


__all__ = ["Finding", "create_fields", "examine"]
