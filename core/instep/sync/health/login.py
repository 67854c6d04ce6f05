"""Who the login is, what it may do, whether the clocks agree, and what is left of the day's calls."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from instep.contract import ConnectionInfo, ConsentStore, Scopes, Use
from instep.errors import AccessError, InstepError
from instep.mapping.compiled import EntityMapping
from instep.model.entities import Kind
from instep.model.rules import Never
from instep.plugins import brought_by
from instep.sync.health.finding import Finding
from instep.sync.session import Live, Session

_TOLERABLE_SECONDS = 60


def versions(live: Live) -> Finding:
    """Which plugin speaks to the system, and which Instep."""
    connector = f"connector {live.plugin.name} of {brought_by(live.plugin.name)}, contract {live.plugin.contract}"
    what = f"{connector}; instep {version('instep')}"
    return Finding(live.name, "version", what)


def login(live: Live, info: ConnectionInfo) -> Iterator[Finding]:
    name = f" ({info.org_name})" if info.org_name else ""
    user = f" as {info.user}" if info.user else ""
    yield Finding(live.name, "login", f"logged in to org {info.org}{name}{user}")


def scopes(live: Live, info: ConnectionInfo) -> Iterator[Finding]:
    """What the login may do, against what this mapping needs; nothing where the system has no scopes."""
    told = _told(live)
    if told is None:
        for scope in sorted(info.missing):
            yield _missing(live, scope)
        return
    needed = ", ".join(sorted(told.needed))
    if told.granted is None:
        what = f"which scopes this login has is not told; needed: {needed}"
        remedy = "Compare with what was granted there; a call that lacks a scope is named when it is made."
        yield Finding(live.name, "scopes-unknown", what, "warning", remedy)
        return
    for scope in sorted(told.missing):
        yield _missing(live, scope)
    for scope in sorted(told.broader):
        what = f"scope {scope} is more than this mapping needs"
        yield Finding(live.name, "scope-too-broad", what, "warning", f"Needed: {needed}. Take the rest away.")
    if not told.missing:
        granted = ", ".join(sorted(told.granted))
        yield Finding(live.name, "scopes", f"granted: {granted}; needed: {needed}")


def _told(live: Live) -> Scopes | None:
    return live.parts.scopes(use_of(live)) if live.parts.scopes is not None else None


def use_of(live: Live) -> Use:
    """What a mapping makes of its connection."""
    objects = live.mapping.objects
    person = live.mapping.entities.get(Kind.PERSON)
    own_consents = person is not None and person.consent is not None and person.consent.field is None
    return Use(
        reads=frozenset(objects),
        writes=frozenset(object for object, mapping in objects.items() if writes(mapping)),
        consents=own_consents and isinstance(live.parts.consents, ConsentStore),
        owners=any(mapping.mapped("owner") for mapping in objects.values()),
        behaviours=frozenset(behaviour.kind for behaviour in live.mapping.behaviours),
    )


def writes(mapping: EntityMapping) -> bool:
    """Whether anything of an object is ever written."""
    tells = any(field.tells for field in mapping.fields) or any(r.direction != "in" for r in mapping.relations)
    return tells or bool(mapping.tables()) or mapping.instep_id is not None or not isinstance(mapping.create, Never)


def _missing(live: Live, scope: str) -> Finding:
    return Finding(live.name, "scope-missing", f"scope {scope} is missing", "wrong", "Grant it to the login.", True)


def clock(session: Session, live: Live, info: ConnectionInfo) -> Iterator[Finding]:
    """Whether this machine's clock agrees with the system's, to the minute."""
    if info.now is None:
        return
    skew = abs((session.world.clock() - info.now).total_seconds())
    what = f"clocks differ by {skew:,.0f} s"
    if skew < _TOLERABLE_SECONDS:
        yield Finding(live.name, "clock", what)
    else:
        remedy = "Set this machine's clock. Runs go by the system's own, so nothing is lost; logins by JWT fail."
        yield Finding(live.name, "clock-skew", what, "warning", remedy)


def calls(live: Live, info: ConnectionInfo) -> Iterator[Finding]:
    """What is left of the day's calls, and whether a run may still make any."""
    left = live.budget.left
    if left is not None and left.free == 0:
        remedy = "Run again when there are more, or lower reserve_percent under [budget]."
        yield Finding(live.name, "calls-spent", str(left), "wrong", remedy)
    elif left is not None:
        yield Finding(live.name, "calls", str(left))
    elif info.calls_left_today is not None:
        yield Finding(live.name, "calls", f"{info.calls_left_today:,} calls are left today")
    elif live.parts.scopes is not None:  # a service, not a folder
        what = "how many calls are left today is not told, so none are kept for people"
        yield Finding(live.name, "calls-unknown", what)


def unopened(name: str, error: InstepError) -> Finding:
    """A connection that could not even be opened: its settings, or its plugin."""
    if isinstance(error, AccessError):
        return unusable(name, error, is_access=True)
    problem, _, remedy = str(error).partition(". ")
    return Finding(name, "plugin-broken", problem, "wrong", remedy)


def unusable(name: str, error: InstepError, *, is_access: bool) -> Finding:
    """A connection that cannot be used at all, or not for this."""
    code = "login-refused" if is_access else "unusable"
    return Finding(name, code, f"cannot be used: {error}", "wrong", is_access=is_access)
