"""Leads that come by a form or are pushed, and the cookies that tie visits to them."""

from __future__ import annotations

import re

from instep.sandbox import Request
from instep_marketo.sandbox.assets import Form, Program
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.lead_calls import known_lead
from instep_marketo.sandbox.operations import Body, Operation, body_of, each, inputs_of, need, whole
from instep_marketo.sandbox.subscription import Subscription
from instep_marketo.sandbox.upserts import Upserts

COOKIE = re.compile(r"id:[0-9]{3}-[A-Z]{3}-[0-9]{3}&token:_mch-[\w.-]+")
SOURCE = "Web form fillout"
VISIT = {
    "Client IP Address": "leadClientIpAddress",
    "Query Parameters": "queryString",
    "Referrer URL": "pageURL",
    "User Agent": "userAgentString",
}


class FormCalls:
    """`submitForm`, `push` and `associate`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        leads, write = "/rest/v1/leads", "Read-Write Lead"
        return [
            Operation("POST", f"{leads}/submitForm.json", self.submit, "leads.submit", write),
            Operation("POST", f"{leads}/push.json", self.push, "leads.push", write),
            Operation("POST", f"{leads}/{{lead}}/associate.json", self.associate, "leads.associate", write),
        ]

    # --- forms -------------------------------------------------------------------------------------------------

    def submit(self, request: Request) -> Body:
        """What a visitor fills in: one a call."""
        body = body_of(request)
        form = self._state.forms.get(whole(body.get("formId")) or 0)
        if form is None:
            raise RefusedError("1013", "Form not found")
        if body.get("programId") is not None and body["programId"] != form.program:
            raise RefusedError("1013", "The form is not in this program")
        return each(inputs_of(body, 1), lambda one: self._submitted(form, one))

    def _submitted(self, form: Form, given: Body) -> Body:
        fields, visit = given.get("leadFormFields"), given.get("visitorData") or {}
        if not isinstance(fields, dict) or not isinstance(visit, dict):
            raise RefusedError("1002", "Missing value for the required parameter 'leadFormFields'")
        if unknown := fields.keys() - set(form.fields):
            raise RefusedError("1006", f"Field '{min(unknown)}' not found")
        cookie = given.get("cookie")
        if cookie:
            _require_cookie(str(cookie))
        done = Upserts(self._state, source=SOURCE).take(fields)
        if cookie:
            self._state.cookies[str(cookie)] = done["id"]
        told = {name: str(visit[key]) for name, key in VISIT.items() if key in visit}
        told["Form Fields"] = ", ".join(f"{name}={value}" for name, value in fields.items())
        self._state.write(done["id"], 2, form.id, form.name, told)
        return done

    # --- push --------------------------------------------------------------------------------------------------

    def push(self, request: Request) -> Body:
        """Leads from elsewhere, who become members of a program."""
        body = body_of(request)
        if not body.get("programName"):
            raise RefusedError("1002", "Missing value for the required parameter 'programName'")
        wanted = str(body["programName"]).casefold()
        program = next((one for one in self._state.programs.values() if one.name.casefold() == wanted), None)
        if program is None:
            raise RefusedError("1013", f"Program '{body['programName']}' not found")
        status = str(body.get("programStatus") or self._first(program))
        if status not in self._state.steps(program):
            raise RefusedError("1025", f"Program status not found: {status}")
        inputs = inputs_of(body, self._state.personality.input_limit)
        upserts = Upserts(
            self._state, lookup=str(body.get("lookupField", "email")), partition=body.get("partitionName")
        )
        told = {"Reason": body.get("reason") or "", "Source": body.get("source") or "", "Program Status": status}
        return each(inputs, lambda one: self._pushed(one, upserts, program, told))

    def _pushed(self, given: Body, upserts: Upserts, program: Program, told: dict[str, str]) -> Body:
        done = upserts.take(given)
        self._state.write(done["id"], 145, program.id, program.name, told)
        try:
            self._state.set_status(program, done["id"], told["Program Status"])
        except RefusedError as refused:
            if refused.code != "1037":  # who is past it stays there
                raise
        return done

    def _first(self, program: Program) -> str:
        steps = {name: step for name, step in self._state.steps(program).items() if step}
        return min(steps, key=lambda name: steps[name])

    # --- cookies -----------------------------------------------------------------------------------------------

    def associate(self, request: Request) -> Body:
        """Tie a visitor's cookie to a lead; success has no result."""
        lead, cookie = known_lead(self._state, request.params["lead"]), need(request, "cookie")
        _require_cookie(cookie)
        self._state.cookies[cookie] = lead
        return {}


def _require_cookie(cookie: str) -> None:
    if not COOKIE.fullmatch(cookie):
        raise RefusedError("1012", f"Invalid cookie value '{cookie}'")
