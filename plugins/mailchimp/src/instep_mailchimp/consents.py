"""Reads and records who agreed to get mail. Mailchimp keeps consent by audience, as the status of a member."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from instep.contract import Consent, ConsentChange, Missing, Outcome, Rejected, Subject, Unknown, Written
from instep.errors import RetryLaterError
from instep_mailchimp import values, wire
from instep_mailchimp.batches import Done, Operation, Operations, Refused
from instep_mailchimp.refusals import UNREADABLE, outcome_of
from instep_mailchimp.settings import MailchimpSettings
from instep_mailchimp.walk import UNWANTED
from instep_mailchimp.wire import ARCHIVED, Member

ALL: Final = "all"
_TELLING: Final = {"exclude_fields": ",".join(UNWANTED)}
_NO_ADDRESS: Final = Rejected(
    "no_email", "Mailchimp keeps consent by e-mail address, and this person has none.", permanent=False
)
_OUT: Final = "unsubscribed"
_IN: Final = "subscribed"
Status = Literal["subscribed", "unsubscribed"]


class MailchimpConsents:
    """Consent by audience: the scope is the audience's name in the settings, or `all` for every one of them.

    `unsubscribed` is an opt-out. `subscribed` is an opt-in, and an explicit one only where the person came by a form
    (`timestamp_signup`): anybody can be imported as subscribed. Pending, cleaned and transactional members said
    nothing. Mailchimp does not tell when somebody unsubscribed; the last change of the member is the latest moment
    that it can have been.
    mailchimp.com/developer/marketing
    """

    def __init__(self, settings: MailchimpSettings, operations: Operations) -> None:
        self._lists: Mapping[str, str] = dict(settings.audiences)
        self._lenient = settings.skip_required
        self._operations = operations

    @property
    def flag_field(self) -> str | None:
        """The field that says it, where there is one audience: in several, nobody is out of all by leaving one."""
        return values.UNSUBSCRIBED if len(self._lists) == 1 else None

    def read(self, subjects: Sequence[Subject]) -> list[tuple[Consent, ...]]:
        """What each person said: to all, and to each audience that has them. One call for a person and audience."""
        found = {subject: self._of(subject) if _email(subject) else () for subject in dict.fromkeys(subjects)}
        return [found[subject] for subject in subjects]

    def opt_out(self, changes: Sequence[ConsentChange]) -> list[Outcome]:
        """Record opt-outs. `all` means every audience that has the person; one that is out already stays so."""
        return [self._changed(change, self._out_of) for change in changes]

    def opt_in(self, changes: Sequence[ConsentChange]) -> list[Outcome]:
        """Record opt-ins, with the time at which the person agreed.

        Refused with the code `compliance` for somebody who unsubscribed in person, bounced or is under review, and
        for `all` where there are several audiences: nobody agrees to lists that they may not know of.
        """
        return [self._changed(change, self._into) for change in changes]

    # --- reading -------------------------------------------------------------------------------------------------

    def _of(self, subject: Subject) -> tuple[Consent, ...]:
        members = self._members(subject, list(self._lists), by_address=True)
        by_name = {name: _consent(name, member) for name, member in members.items() if member is not None}
        return (_to_all(list(by_name.values())), *by_name.values())

    def _members(self, subject: Subject, scopes: Sequence[str], *, by_address: bool) -> dict[str, Member | None]:
        """A person in some audiences: in their own by the id of the record, elsewhere by the address that it has now.

        The address that was read last may be another's by now. Only with `by_address` somebody whose record is not
        there any more is looked for by it: good enough to stop mail to an address, never to begin it.
        """
        list_id = self._lists.get(subject.object)
        own = self._member(list_id, subject.id) if list_id is not None else None
        if own is None and not by_address:
            return dict.fromkeys(scopes)
        key = wire.subscriber_hash(own.email_address if own else _email(subject))
        of_own = subject.object if own else None
        return {name: own if name == of_own else self._member(self._lists[name], key) for name in scopes}

    def _member(self, list_id: str, key: str) -> Member | None:
        """A member by contact id or hash; None for one that is archived or was never there."""
        path = wire.members_path(list_id, key)
        (result,) = self._operations.run([Operation("GET", path, "members/read", _TELLING)])
        match result:
            case Done(data):
                if (member := wire.read_member(data)) is None:
                    raise _UnreadableError("Mailchimp (members/read): a member cannot be read. Run again later.")
                return None if member.status == ARCHIVED else member
            case Refused(404 | 410):
                return None
            case _:
                raise RetryLaterError("Mailchimp (members/read): a member cannot be read. Run again later.")

    # --- writing -------------------------------------------------------------------------------------------------

    def _changed(self, change: ConsentChange, write: Callable[[ConsentChange], Outcome]) -> Outcome:
        if not _email(change.subject):
            return _NO_ADDRESS
        if change.scope != ALL and change.scope not in self._lists:
            return Rejected("unknown_scope", f'No audience is named "{change.scope}" in the settings.')
        try:
            return write(change)
        except _UnreadableError:
            return UNREADABLE

    def _out_of(self, change: ConsentChange) -> Outcome:
        scopes = list(self._lists) if change.scope == ALL else [change.scope]
        members = self._members(change.subject, scopes, by_address=True)
        outcomes = [self._set(self._lists[scope], members[scope], change, _OUT) for scope in scopes]
        for kind in (Unknown, Rejected):
            if (found := next((outcome for outcome in outcomes if isinstance(outcome, kind)), None)) is not None:
                return found
        return next((outcome for outcome in outcomes if isinstance(outcome, Written)), Missing())

    def _into(self, change: ConsentChange) -> Outcome:
        scope = change.scope
        if scope == ALL and len(self._lists) > 1:
            return Rejected(
                "compliance",
                "Mailchimp keeps consent by audience. Name the audience that the person agreed to as the scope.",
            )
        scope = next(iter(self._lists)) if scope == ALL else scope
        members = self._members(change.subject, [scope], by_address=False)
        return self._set(self._lists[scope], members[scope], change, _IN)

    def _set(self, list_id: str, member: Member | None, change: ConsentChange, status: Status) -> Outcome:
        """Set the status of a member that is there. An archived one is left alone: this would bring it back."""
        if member is None:
            return Missing()
        if member.status == status:
            return Written(change.subject.id, {})
        body: dict[str, object] = {"status": status}
        if status == _IN:
            body |= {"timestamp_opt": change.at.isoformat(timespec="seconds")}
            body |= {} if member.timestamp_signup else {"timestamp_signup": body["timestamp_opt"]}
        query = {"skip_merge_validation": "true"} if self._lenient else {}
        path = wire.members_path(list_id, member.contact_id)
        (result,) = self._operations.run([Operation("PATCH", path, "members/consent", query, body)])
        match result:
            case Done():
                return Written(change.subject.id, {})
            case Refused(code, problem):
                return outcome_of(problem, code)
            case _:
                return Unknown(result.reason)


class _UnreadableError(RetryLaterError):
    """What Mailchimp tells of one member makes no sense; nothing is known of what they said."""


def _email(subject: Subject) -> str:
    return (subject.email or "").strip()


def _consent(scope: str, member: Member) -> Consent:
    if member.status == _OUT:
        reason = f": {member.unsubscribe_reason}" if member.unsubscribe_reason else ""
        return Consent(scope, "out", member.last_changed, f"Mailchimp: unsubscribed{reason}", explicit=True)
    if member.status == _IN:
        signed_up = values.moment(member.timestamp_signup)
        at = values.moment(member.timestamp_opt) or signed_up
        return Consent(scope, "in", at, f"Mailchimp: {member.source}", explicit=signed_up is not None)
    return Consent(scope, "unset")


def _to_all(consents: Sequence[Consent]) -> Consent:
    """What a person said to all audiences that have them: what they said to each, where that is the same."""
    states = {consent.state for consent in consents}
    if len(states) != 1 or states == {"unset"}:
        return Consent(ALL, "unset")
    latest = max(consents, key=lambda consent: consent.at.timestamp() if consent.at else 0.0)
    explicit = all(consent.explicit for consent in consents)
    return Consent(ALL, latest.state, latest.at, latest.source, explicit=explicit)
