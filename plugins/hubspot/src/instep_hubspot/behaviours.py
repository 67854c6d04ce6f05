"""Reads what buyers did: forms they sent, meetings, calls and e-mails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from instep.contract import BehaviourPage, BehaviourSeen
from instep_hubspot import associations, wire
from instep_hubspot.answers import Call
from instep_hubspot.changes import search_call
from instep_hubspot.client import HubSpotClient
from instep_hubspot.settings import HubSpotSettings
from instep_hubspot.values import moment, typed

FORM: Final = "form-submission"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SEARCH_LIMIT: Final = 200
_SUBJECT_OBJECTS: Final = ("contacts", "deals")
_SUBMISSIONS_LIMIT: Final = "50"

Actor = Literal["buyer", "seller", "system"]


class _Engagement(msgspec.Struct, frozen=True):
    """One kind of engagement: where it lives, which of its properties say when, and when the buyer was the actor."""

    object: str
    times: tuple[str, ...]
    details: tuple[str, ...]
    actor_field: str
    buyer_values: frozenset[str]

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
    """Where the reading of one kind stands."""

    since: datetime | None = None
    started: datetime | None = None
    last: str | None = None


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
_marks = msgspec.json.Decoder(dict[str, _Mark])


class HubSpotBehaviours:
    """The engagements and form submissions of one account.

    A completed meeting, an inbound call, an incoming e-mail and a form are the buyer's acts; everything else is the
    seller's. `details` holds HubSpot's own properties (of a form: `form`, `form_id`, `page` and every field).
    developers.hubspot.com/docs/guides/api/crm/engagements
    """

    kinds = (FORM, *_ENGAGEMENTS)

    def __init__(self, client: HubSpotClient, settings: HubSpotSettings) -> None:
        self._client = client
        self._overlap = timedelta(seconds=settings.overlap_seconds)

    def changed_since(self, kinds: Sequence[str], cursor: str | None) -> Iterator[BehaviourPage]:
        """Yield pages of what was recorded or changed since `cursor`, kind by kind. Some may come again.

        While nothing changes an engagement kind costs one call, forms one call and one more for each form.
        """
        marks = _marks.decode(cursor) if cursor else {}
        for kind in kinds:
            mark = marks.get(kind, _Mark())
            pages = self._forms(mark) if kind == FORM else self._engaged(kind, _ENGAGEMENTS[kind], mark)
            for items, reached in pages:
                marks = {**marks, kind: reached}
                yield BehaviourPage(items, msgspec.json.encode(marks).decode())

    # --- engagements -------------------------------------------------------------------------------------------

    def _engaged(
        self, kind: str, engagement: _Engagement, mark: _Mark
    ) -> Iterator[tuple[tuple[BehaviourSeen, ...], _Mark]]:
        names = tuple(dict.fromkeys((*engagement.times, *engagement.details)))
        while True:
            answer = self._client.fetch(self._search(engagement, mark, names), wire.record_page)
            records = answer.value.results
            started = mark.started or answer.at
            is_last = len(records) < _SEARCH_LIMIT and not answer.value.after
            reached = _Mark(since=started or mark.since)
            mark = reached if is_last else _Mark(mark.since, started, records[-1].id)
            yield self._seen(kind, engagement, records), mark
            if is_last:
                return

    def _search(self, engagement: _Engagement, mark: _Mark, names: Sequence[str]) -> Call:
        filters = []
        if mark.since:
            begin = str(int((mark.since - self._overlap).timestamp() * 1000))
            filters.append({"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": begin})
        if mark.last:
            filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": mark.last})
        return search_call(self._client, engagement.object, filters, names)

    def _seen(
        self, kind: str, engagement: _Engagement, records: Sequence[wire.WireRecord]
    ) -> tuple[BehaviourSeen, ...]:
        if not records:
            return ()
        ids = [record.id for record in records]
        subjects = {object: self._subjects(engagement.object, ids, object) for object in _SUBJECT_OBJECTS}
        return tuple(
            self._behaviour(
                kind,
                engagement,
                record,
                tuple((object, id) for object in _SUBJECT_OBJECTS for id in subjects[object][place]),
            )
            for place, record in enumerate(records)
        )

    def _behaviour(
        self,
        kind: str,
        engagement: _Engagement,
        record: wire.WireRecord,
        subjects: tuple[tuple[str, str], ...],
    ) -> BehaviourSeen:
        details = typed(record.properties, engagement.details)
        times = (moment(record.properties.get(name)) for name in engagement.times)
        at = next((time for time in times if time), record.updatedAt)
        return BehaviourSeen(record.id, kind, at, engagement.actor(details), subjects, details=details)

    def _subjects(self, object: str, ids: Sequence[str], to_object: str) -> list[list[str]]:
        ends = associations.related(self._client, object, ids, to_object)
        return [[end.id for end in of_one] for of_one in ends]

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
