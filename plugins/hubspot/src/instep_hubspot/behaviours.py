"""Reads what buyers did: forms they sent, meetings, calls and e-mails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final, Literal

import msgspec

from instep.contract import BehaviourGone, BehaviourPage, BehaviourSeen, Gone, Item, MergedInto, Seen
from instep_hubspot import associations, wire
from instep_hubspot.answers import Call
from instep_hubspot.client import HubSpotClient
from instep_hubspot.records import HubSpotRecords
from instep_hubspot.settings import HubSpotSettings

FORM: Final = "form-submission"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PAGES_AT_ONCE: Final = 5
"""So many pages share the calls for their subjects: one call takes 1,000 engagements, and a page has up to 200."""
_SUBMISSIONS_LIMIT: Final = "50"

Actor = Literal["buyer", "seller", "system"]


class _Engagement(msgspec.Struct, frozen=True):
    """One kind of engagement: where it lives, which of its properties say when, and when the buyer was the actor."""

    object: str
    times: tuple[str, ...]
    details: tuple[str, ...]
    actor_field: str
    buyer_values: frozenset[str]

    @property
    def fields(self) -> tuple[str, ...]:
        """Every property that is read, each once."""
        return tuple(dict.fromkeys((*self.times, *self.details)))

    def actor(self, details: Mapping[str, Any]) -> Actor:
        return "buyer" if details.get(self.actor_field) in self.buyer_values else "seller"


_ENGAGEMENTS: Final = {
    "meeting": _Engagement(
        "meetings",
        ("hs_meeting_start_time", "hs_timestamp"),
        ("hs_meeting_title", "hs_meeting_outcome", "hs_meeting_start_time", "hs_meeting_end_time"),
        "hs_meeting_outcome",
        frozenset(("COMPLETED",)),
    ),
    "call": _Engagement(
        "calls",
        ("hs_timestamp",),
        ("hs_call_title", "hs_call_direction", "hs_call_status", "hs_call_disposition", "hs_call_duration"),
        "hs_call_direction",
        frozenset(("INBOUND",)),
    ),
    "email": _Engagement(
        "emails",
        ("hs_timestamp",),
        ("hs_email_subject", "hs_email_direction", "hs_email_status"),
        "hs_email_direction",
        frozenset(("INCOMING_EMAIL",)),
    ),
}


class _Mark(msgspec.Struct, omit_defaults=True, frozen=True):
    """When the forms were read last."""

    since: datetime | None = None


class _Form(msgspec.Struct):
    id: str
    name: str = ""


class _Forms(msgspec.Struct):
    results: list[_Form]
    paging: wire.Paging | None = None


class _Value(msgspec.Struct):
    name: str
    value: str | int | float | bool | None = None


class _Submission(msgspec.Struct):
    submittedAt: int  # noqa: N815
    values: list[_Value] = []
    conversionId: str | None = None  # noqa: N815
    pageUrl: str | None = None  # noqa: N815


class _Submissions(msgspec.Struct):
    results: list[_Submission]
    paging: wire.Paging | None = None


_forms = msgspec.json.Decoder(_Forms)
_submissions = msgspec.json.Decoder(_Submissions)
_marks = msgspec.json.Decoder(dict[str, _Mark | str])


class HubSpotBehaviours:
    """The engagements and form submissions of one account.

    A completed meeting, an inbound call, an incoming e-mail and a form are the buyer's acts; everything else is the
    seller's. `details` holds HubSpot's own properties (of a form: `form`, `form_id`, `page` and every field).

    Engagements are read as records are, so one that was changed comes again, and one that was deleted is withdrawn.
    Two things HubSpot does not tell: that a form submission was deleted (there is no bin of them, and one that is no
    longer listed is no evidence), and that an engagement was associated otherwise, until it is changed itself.
    developers.hubspot.com/docs/guides/api/crm/engagements
    """

    kinds = (FORM, *_ENGAGEMENTS)

    def __init__(self, client: HubSpotClient, settings: HubSpotSettings, records: HubSpotRecords) -> None:
        self._client = client
        self._overlap = timedelta(seconds=settings.overlap_seconds)
        self._records = records

    def changed_since(self, kinds: Sequence[str], cursor: str | None) -> Iterator[BehaviourPage]:
        """Yield pages of what was recorded, changed or deleted since `cursor`, kind by kind. Some may come again.

        While nothing changes an engagement kind costs two calls, because searches never show what lies in the bin
        (and one more for each further 100 that lie there); forms cost one call and one more for each form.
        """
        marks = _marks.decode(cursor) if cursor else {}
        for kind in (kind for kind in kinds if kind in self.kinds):
            mark = marks.get(kind)
            pages: Iterator[tuple[tuple[BehaviourSeen | BehaviourGone, ...], _Mark | str]]
            if kind == FORM:
                pages = self._forms(mark if isinstance(mark, _Mark) else _Mark())
            else:
                pages = self._engaged(kind, mark if isinstance(mark, str) else None)
            for items, reached in pages:
                marks = {**marks, kind: reached}
                yield BehaviourPage(items, msgspec.json.encode(marks).decode())

    # --- engagements -------------------------------------------------------------------------------------------

    def _engaged(
        self, kind: str, mark: str | None
    ) -> Iterator[tuple[tuple[BehaviourSeen | BehaviourGone, ...], str]]:
        engagement = _ENGAGEMENTS[kind]
        pages = self._records.changed_since(engagement.object, engagement.fields, mark)
        while part := list(islice(pages, _PAGES_AT_ONCE)):
            items = [item for page in part for item in page.items]
            yield self._told(kind, engagement, items), part[-1].cursor

    def _told(
        self, kind: str, engagement: _Engagement, items: Sequence[Item]
    ) -> tuple[BehaviourSeen | BehaviourGone, ...]:
        """What became of some engagements, in their order."""
        subjects = self._subjects(engagement.object, [item.id for item in items if isinstance(item, Seen)])
        told: list[BehaviourSeen | BehaviourGone] = []
        for item in items:
            if isinstance(item, Seen):
                told.append(_behaviour(kind, engagement, item, subjects[item.id]))
            elif isinstance(item, Gone | MergedInto):
                told.append(BehaviourGone(item.id, item.at))
        return tuple(told)

    def _subjects(self, object: str, ids: Sequence[str]) -> dict[str, tuple[tuple[str, str], ...]]:
        """The contacts and deals of engagements, and the companies of those that have no contact.

        HubSpot also ties an engagement to its contacts' companies, whose own act it is not.
        """
        contacts = self._ends(object, ids, "contacts")
        companies = self._ends(object, [id for id in ids if not contacts[id]], "companies")
        deals = self._ends(object, ids, "deals")
        return {id: (*contacts[id], *companies.get(id, ()), *deals[id]) for id in ids}

    def _ends(self, object: str, ids: Sequence[str], to_object: str) -> dict[str, tuple[tuple[str, str], ...]]:
        if not ids:
            return {}
        found = associations.related(self._client, object, ids, to_object)
        return {id: tuple((end.object, end.id) for end in ends) for id, ends in zip(ids, found, strict=True)}

    # --- forms -------------------------------------------------------------------------------------------------

    def _forms(self, mark: _Mark) -> Iterator[tuple[tuple[BehaviourSeen, ...], _Mark]]:
        """Submissions come newest first, so each form is read until they are older than the last read."""
        horizon = mark.since - self._overlap if mark.since else None
        forms, started = self._listed()
        for form in forms:
            for submissions in self._submitted(form, horizon):
                yield tuple(_submission(form, one) for one in submissions), mark
        yield (), _Mark(since=started or mark.since)

    def _listed(self) -> tuple[list[_Form], datetime | None]:
        """Every form, and HubSpot's own time when it began to list them."""
        call = Call("GET", self._client.path("forms"), "forms/list", {"limit": "100"})
        pages = list(self._client.pages(call, _forms))
        return [form for page in pages for form in page.value.results], pages[0].at

    def _submitted(self, form: _Form, horizon: datetime | None) -> Iterator[list[_Submission]]:
        path = self._client.path("submissions", form.id)
        call = Call("GET", path, "forms/submissions", {"limit": _SUBMISSIONS_LIMIT})
        for page in self._client.pages(call, _submissions):
            results = page.value.results
            fresh = [one for one in results if horizon is None or _submitted_at(one) >= horizon]
            if fresh:
                yield fresh
            if len(fresh) < len(results):
                return


def _behaviour(
    kind: str, engagement: _Engagement, record: Seen, subjects: tuple[tuple[str, str], ...]
) -> BehaviourSeen:
    details = {name: record.fields[name] for name in engagement.details if name in record.fields}
    times = (record.fields.get(name) for name in engagement.times)
    at = next((time for time in times if isinstance(time, datetime)), record.modified_at)
    return BehaviourSeen(record.id, kind, at, engagement.actor(details), subjects, details=details)


def _submission(form: _Form, submission: _Submission) -> BehaviourSeen:
    values = {v.name: None if v.value is None else str(v.value) for v in submission.values}
    email = values.get("email") or None
    return BehaviourSeen(
        id=submission.conversionId or f"{form.id}:{submission.submittedAt}:{email or ''}",
        kind=FORM,
        at=_submitted_at(submission),
        actor="buyer",
        email=email,
        details={**values, "form": form.name, "form_id": form.id, "page": submission.pageUrl},
    )


def _submitted_at(submission: _Submission) -> datetime:
    return _EPOCH + timedelta(milliseconds=submission.submittedAt)
