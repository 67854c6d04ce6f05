"""Reads and records who agreed to be written to: Marketo's flag `unsubscribed`, and its reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from instep.contract import Consent, ConsentChange, Missing, Outcome, Rejected, Subject, Unknown
from instep.errors import RemoteError, UnknownOutcomeError
from instep_marketo.answers import Call, RefusedError, instant, instant_text
from instep_marketo.client import MarketoClient
from instep_marketo.refusals import Result, outcome_of, refusal
from instep_marketo.settings import MarketoSettings
from instep_marketo.walk import stream, token_since

ALL: Final = "all"
FLAG: Final = "unsubscribed"
REASON: Final = "unsubscribedReason"
_OURS: Final = re.compile(r"(.*) \(told by Instep at ([0-9TZ:-]+)\)")
_LONGEST_REASON: Final = 255
_LEADS_OF_A_LOG: Final = 30
_FILTER: Final = 300
_NO_ADDRESS: Final = Rejected(
    "no_email", "Marketo's flag is about e-mail, and this person has no address.", permanent=False
)


class _Lead(msgspec.Struct):
    id: int
    unsubscribed: bool | None = None
    unsubscribedReason: str | None = None  # noqa: N815


class MarketoConsents:
    """Consent to all e-mail, the only scope that Marketo's own flag has.

    `explicit` is true where the time is known: from the reason, where Instep wrote it, or from the activity log.
    A flag that is not set is `unset`: Marketo keeps no opt-ins.
    Marketo product documentation
    """

    flag_field = FLAG

    def __init__(self, client: MarketoClient, settings: MarketoSettings) -> None:
        self._client = client
        self._back = timedelta(days=settings.activities_since_days)

    def read(self, subjects: Sequence[Subject]) -> list[tuple[Consent, ...]]:
        """What each person said. One call for 300 people, and one more for each 30 who unsubscribed by themselves."""
        leads = self._leads([subject.id for subject in subjects])
        unknown = [id for id, lead in leads.items() if lead.unsubscribed and _recorded(lead) is None]
        times = self._times(unknown)
        return [
            (_consent(leads.get(subject.id), times.get(subject.id)),) if subject.email else () for subject in subjects
        ]

    def opt_out(self, changes: Sequence[ConsentChange]) -> list[Outcome]:
        """Set the flag, with source and time as its reason."""
        return self._changed(changes, out=True)

    def opt_in(self, changes: Sequence[ConsentChange]) -> list[Outcome]:
        """Lift the flag, which Marketo lets the API do."""
        return self._changed(changes, out=False)

    # --- reading -----------------------------------------------------------------------------------------------

    def _leads(self, ids: Sequence[str]) -> dict[str, _Lead]:
        wanted = [id for id in dict.fromkeys(ids) if id.isdecimal()]
        found: dict[str, _Lead] = {}
        for start in range(0, len(wanted), _FILTER):
            values = ",".join(wanted[start : start + _FILTER])
            form = {"filterType": "id", "filterValues": values, "fields": f"id,{FLAG},{REASON}", "batchSize": "300"}
            call = Call("POST", "/rest/v1/leads.json", "leads/read", {"_method": "GET"}, form=form)
            for page in self._client.pages(call):
                try:
                    leads = msgspec.convert(page.result, list[_Lead])
                except msgspec.ValidationError:
                    raise RemoteError("Marketo (leads/read): answered with leads that cannot be read.") from None
                found |= {str(lead.id): lead for lead in leads}
        return found

    def _times(self, ids: Sequence[str]) -> dict[str, datetime]:
        """When these leads were last unsubscribed, as far back as the settings say."""
        if not ids:
            return {}
        times: dict[str, datetime] = {}
        first, _ = token_since(self._client, self._client.now() - self._back)
        for start in range(0, len(ids), _LEADS_OF_A_LOG):
            query = {"fields": FLAG, "leadIds": ",".join(ids[start : start + _LEADS_OF_A_LOG]), "batchSize": "300"}
            call = Call("GET", "/rest/v1/activities/leadchanges.json", "activities/leadchanges", query)
            for found, _, _ in stream(self._client, call, first):
                for activity in found:
                    if any(field.name == FLAG and _is_true(field.newValue) for field in activity.fields):
                        times[activity.lead] = activity.at
        return times

    # --- writing -----------------------------------------------------------------------------------------------

    def _changed(self, changes: Sequence[ConsentChange], *, out: bool) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        inputs: dict[str, dict[str, object]] = {}
        for place, change in enumerate(changes):
            if change.scope != ALL:
                outcomes[place] = Rejected("unknown_scope", f'Marketo has no subscription named "{change.scope}".')
            elif not change.subject.email:
                outcomes[place] = _NO_ADDRESS
            elif not change.subject.id.isdecimal():
                outcomes[place] = Missing()
            else:
                reason = _reason(change) if out else None
                inputs[change.subject.id] = {"id": int(change.subject.id), FLAG: out, REASON: reason}
        sent = self._sent(inputs) if inputs else {}
        return [outcomes.get(place) or sent[change.subject.id] for place, change in enumerate(changes)]

    def _sent(self, inputs: dict[str, dict[str, object]]) -> dict[str, Outcome]:
        body = {"action": "updateOnly", "lookupField": "id", "input": list(inputs.values())}
        call = Call("POST", "/rest/v1/leads.json", "leads/sync", body=body, writes=True)
        try:
            results = msgspec.convert(self._client.fetch(call).result, list[Result])
        except (UnknownOutcomeError, msgspec.ValidationError) as lost:
            return dict.fromkeys(inputs, Unknown(f"Marketo (leads/sync): {lost}"))
        except RefusedError as refused:
            return dict.fromkeys(inputs, refusal(refused.problem))
        lost_one = Unknown("Marketo (leads/sync): its answer does not mention this lead.")
        found = {id: outcome_of(result, id) for id, result in zip(inputs, results, strict=False)}
        return {id: found.get(id, lost_one) for id in inputs}


def _reason(change: ConsentChange) -> str:
    told = f" (told by Instep at {instant_text(change.at)})"
    return " ".join(change.source.split())[: _LONGEST_REASON - len(told)] + told


def _recorded(lead: _Lead) -> tuple[str, datetime] | None:
    """The source and time that Instep wrote."""
    found = _OURS.fullmatch(lead.unsubscribedReason or "")
    at = instant(found.group(2)) if found else None
    return (found.group(1), at) if found and at else None


def _consent(lead: _Lead | None, logged: datetime | None) -> Consent:
    if lead is None or not lead.unsubscribed:
        return Consent(ALL, "unset")
    if (ours := _recorded(lead)) is not None:
        return Consent(ALL, "out", ours[1], ours[0], explicit=True)
    source = lead.unsubscribedReason or "Marketo: unsubscribed"
    return Consent(ALL, "out", logged, source, explicit=logged is not None)


def _is_true(value: object) -> bool:
    return str(value).lower() in ("true", "1")
