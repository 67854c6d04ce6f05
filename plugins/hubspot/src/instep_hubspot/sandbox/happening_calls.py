"""Forms, their submissions and events."""

from __future__ import annotations

from collections.abc import Mapping

from instep.sandbox import Request, Response
from instep_hubspot.sandbox.bodies import Body, body_of, inputs_of, mapping, maybe_text, offset, page_size
from instep_hubspot.sandbox.errors import invalid, not_found
from instep_hubspot.sandbox.happenings import Event, Form, Submission
from instep_hubspot.sandbox.operations import NOTHING, Operation, fixed
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.times import iso, parse_ms

SEND_LIMIT = 500
_STYLE = (
    "backgroundWidth",
    "fontFamily",
    "helpTextColor",
    "helpTextSize",
    "labelTextColor",
    "labelTextSize",
    "legalConsentTextColor",
    "legalConsentTextSize",
    "submitColor",
    "submitFontColor",
    "submitSize",
)


class HappeningCalls:
    """Read what buyers did, and report events."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        forms = fixed("forms")
        send = fixed("analytics.behavioral_events.send")
        read = fixed("behavioral_events.event_definitions.read_write")
        submissions = "/form-integrations/v1/submissions/forms/{formGuid}"
        return [
            Operation("GET", "/marketing/v3/forms", self.list_forms, "forms.list", forms),
            Operation("GET", "/marketing/v3/forms/{formId}", self.read_form, "forms.read", forms),
            Operation("GET", submissions, self.submissions, "forms.submissions", forms),
            Operation("GET", "/events/v3/events", self.events, "events.list", read),
            Operation("GET", "/events/v3/events/event-types", self.event_types, "events.types", read),
            Operation("POST", "/events/v3/send", self.send, "events.send", send),
            Operation("POST", "/events/v3/send/batch", self.send_many, "events.batch_send", send),
        ]

    def list_forms(self, request: Request) -> Response:
        """A page of forms."""
        limit, after = page_size(request, 20, 100), offset(request)
        forms = list(self._portal.happenings.forms.values())
        return Response.of(_paged([_shown_form(form) for form in forms], after, limit))

    def read_form(self, request: Request) -> Response:
        """One form."""
        form = self._portal.happenings.forms.get(request.params["formId"])
        if form is None:
            raise not_found()
        return Response.of(_shown_form(form))

    def submissions(self, request: Request) -> Response:
        """A page of what was filled in, newest first."""
        form = self._portal.happenings.forms.get(request.params["formGuid"])
        if form is None:
            raise not_found()
        limit, after = page_size(request, 20, 50), offset(request)
        found = [_shown_submission(item) for item in self._portal.happenings.newest_first(form.id)]
        return Response.of(_paged(found, after, limit))

    def events(self, request: Request) -> Response:
        """A page of events, newest first unless asked otherwise."""
        limit, after = page_size(request, 20, 100), offset(request)
        found = [event for event in self._portal.happenings.events.values() if _wanted(event, request)]
        oldest_first = (request.one("sort") or "").upper() in {"ASCENDING", "OCCURREDAT"}
        found.sort(key=lambda event: event.at, reverse=not oldest_first)
        return Response.of(_paged([event.to_dict(iso(event.at)) for event in found], after, limit))

    def event_types(self, _: Request) -> Response:
        """The names of all events that happened."""
        kinds = {event.kind for event in self._portal.happenings.events.values()}
        return Response.of({"eventTypes": sorted(kinds)})

    def send(self, request: Request) -> Response:
        """Report one event; the same uuid twice is one event."""
        self._send(body_of(request))
        return NOTHING

    def send_many(self, request: Request) -> Response:
        """Report many events."""
        for item in inputs_of(body_of(request), SEND_LIMIT):
            self._send(item)
        return NOTHING

    def _send(self, body: Body) -> None:
        name = maybe_text(body, "eventName")
        if name is None:
            raise invalid("eventName is required")
        id = maybe_text(body, "uuid") or self._portal.ids.uuid()
        if id in self._portal.happenings.events:
            return
        at = parse_ms(str(body["occurredAt"])) if body.get("occurredAt") else self._portal.now()
        if at is None:
            raise invalid(f"Invalid occurredAt: {body['occurredAt']}")
        properties = {key: str(value) for key, value in mapping(body, "properties").items()}
        event = Event(id, name, "CONTACT", self._subject(body), at, properties)
        self._portal.happenings.events[id] = event

    def _subject(self, body: Body) -> str:
        if (id := maybe_text(body, "objectId")) is not None:
            return id
        kind, email = self._portal.types["contacts"], maybe_text(body, "email")
        if email is None:
            raise invalid("One of email, objectId or utk is required")
        record = self._portal.holder(kind, "email", email)
        if record is None:
            raise not_found(f"No contact with the email {email}")
        return record.id


def _wanted(event: Event, request: Request) -> bool:
    low, high = parse_ms(request.one("occurredAfter") or ""), parse_ms(request.one("occurredBefore") or "")
    wanted = {"objectId": event.object_id, "eventType": event.kind, "id": event.id}
    return (
        all(request.one(name) in (None, value) for name, value in wanted.items())
        and (request.one("objectType") or event.object_type).upper() == event.object_type
        and (low is None or event.at > low)
        and (high is None or event.at < high)
    )


def _paged(found: list[Body], after: int, limit: int) -> Mapping[str, object]:
    page: Body = {"results": found[after : after + limit]}
    if after + limit < len(found):
        page["paging"] = {"next": {"after": str(after + limit), "link": ""}}
    return page


def _shown_submission(item: Submission) -> Body:
    values = [{"name": name, "value": value, "objectTypeId": "0-1"} for name, value in item.values]
    return {
        "conversionId": item.id,
        "submittedAt": item.at,
        "values": values,
        "pageUrl": item.page,
    }


def _shown_form(form: Form) -> Body:
    fields = [
        {
            "objectTypeId": "0-1",
            "name": name,
            "label": name.capitalize(),
            "required": name == "email",
            "hidden": False,
            "fieldType": "email" if name == "email" else "single_line_text",
        }
        for name in form.fields
    ]
    return {
        "id": form.id,
        "name": form.name,
        "formType": "hubspot",
        "archived": False,
        "createdAt": iso(form.created),
        "updatedAt": iso(form.created),
        "fieldGroups": [{"groupType": "default_group", "richTextType": "text", "fields": fields}],
        "configuration": {
            "language": "en",
            "cloneable": True,
            "editable": True,
            "archivable": True,
            "recaptchaEnabled": False,
            "notifyContactOwner": False,
            "notifyRecipients": [],
            "createNewContactForNewEmail": False,
            "prePopulateKnownValues": True,
            "allowLinkToResetKnownValues": False,
            "lifecycleStages": [],
            "postSubmitAction": {"type": "thank_you", "value": "Thanks."},
        },
        "displayOptions": {
            "renderRawHtml": False,
            "theme": "default_style",
            "submitButtonText": "Submit",
            "style": {**dict.fromkeys(_STYLE, ""), "submitAlignment": "left"},
            "cssClass": "hs-form",
        },
        "legalConsentOptions": {"type": "none"},
    }
