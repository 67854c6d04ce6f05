"""Webhooks of audiences, and those that hear of the end of batches."""

from __future__ import annotations

from collections.abc import Iterator

from instep.sandbox import Request, Response, Route
from instep_mailchimp.sandbox.account import Account
from instep_mailchimp.sandbox.audience_calls import LIST
from instep_mailchimp.sandbox.errors import invalid, not_found
from instep_mailchimp.sandbox.shaping import Shown, answer, body, linked, page
from instep_mailchimp.sandbox.webhooks import EVENTS, SOURCES, Webhook, is_reachable, probe

_HOOK = LIST + "/webhooks/{webhook_id}"
_BATCH_HOOK = "/3.0/batch-webhooks/{webhook_id}"


class WebhookCalls:
    """The calls about webhooks. What they post is in `webhooks`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Iterator[Route]:
        """Every operation."""
        yield Route("GET", LIST + "/webhooks", self.listing, "webhooks.list")
        yield Route("POST", LIST + "/webhooks", self.create, "webhooks.create")
        yield Route("GET", _HOOK, self.read, "webhooks.read")
        yield Route("PATCH", _HOOK, self.update, "webhooks.update")
        yield Route("DELETE", _HOOK, self.delete, "webhooks.delete")
        yield Route("GET", "/3.0/batch-webhooks", self.list_for_batches, "batch_webhooks.list")
        yield Route("POST", "/3.0/batch-webhooks", self.create_for_batches, "batch_webhooks.create")
        yield Route("GET", _BATCH_HOOK, self.read, "batch_webhooks.read")
        yield Route("PATCH", _BATCH_HOOK, self.update_for_batches, "batch_webhooks.update")
        yield Route("DELETE", _BATCH_HOOK, self.delete, "batch_webhooks.delete")

    # --- of audiences --------------------------------------------------------------------------------------------

    def listing(self, request: Request) -> Response:
        list_id = self._account.audience(request.params["list_id"]).id
        rows = [hook for hook in self._account.webhooks.values() if hook.list_id == list_id]
        found = page(request, "webhooks", rows, _shown, self._account.personality)
        return answer(request, {**found, "list_id": list_id})

    def create(self, request: Request) -> Response:
        """The address has to answer a GET. The secret of its signatures is told this once and never again."""
        list_id, given = self._account.audience(request.params["list_id"]).id, body(request)
        character = self._account.personality
        made = Webhook(self._account.hex(10), self._checked(given), list_id)
        made.events, made.sources = _switches(given, "events", EVENTS, {}), _switches(given, "sources", SOURCES, {})
        if not probe(made.url, character.webhook_seconds):
            raise invalid("url", "The URL did not answer a GET with 200.")
        made.secret = self._account.hex(32) if character.signs_webhooks else ""
        self._account.webhooks[made.id] = made
        told = {**_shown(made), **({"signing_secret": made.secret} if made.secret else {})}
        return answer(request, linked(told, request, character))

    def update(self, request: Request) -> Response:
        hook, given = self._found(request), body(request)
        if "url" in given:
            hook.url = self._checked(given)
        hook.events = _switches(given, "events", EVENTS, hook.events)
        hook.sources = _switches(given, "sources", SOURCES, hook.sources)
        return self._told(request, hook)

    def read(self, request: Request) -> Response:
        return self._told(request, self._found(request))

    def delete(self, request: Request) -> Response:
        hook = self._found(request)
        hook.enabled = False  # what was still on its way to it is not posted any more
        del self._account.webhooks[hook.id]
        return Response(204)

    # --- of batches ----------------------------------------------------------------------------------------------

    def list_for_batches(self, request: Request) -> Response:
        found = page(request, "webhooks", self._for_batches(), _shown, self._account.personality)
        return answer(request, found)

    def create_for_batches(self, request: Request) -> Response:
        most = self._account.personality.batch_webhooks
        if len(self._for_batches()) >= most:
            raise invalid("url", f"There are {most} batch webhooks already, which is the most.")
        made = Webhook(self._account.hex(10), self._checked(body(request)))
        self._account.webhooks[made.id] = made
        return self._told(request, made)

    def update_for_batches(self, request: Request) -> Response:
        hook, given = self._found(request), body(request)
        if "url" in given:
            hook.url = self._checked(given)
        hook.enabled = bool(given.get("enabled", hook.enabled))
        return self._told(request, hook)

    def _for_batches(self) -> list[Webhook]:
        return [hook for hook in self._account.webhooks.values() if not hook.list_id]

    # --- common --------------------------------------------------------------------------------------------------

    def _checked(self, given: Shown) -> str:
        url = given.get("url")
        if not isinstance(url, str) or not is_reachable(url):
            raise invalid("url", "This sandbox posts to addresses of this machine only, by http.")
        return url

    def _found(self, request: Request) -> Webhook:
        """A webhook of the audience in the path, or of batches where there is none."""
        found = self._account.webhooks.get(request.params["webhook_id"])
        if found is None or found.list_id != request.params.get("list_id", ""):
            raise not_found()
        return found

    def _told(self, request: Request, hook: Webhook) -> Response:
        return answer(request, linked(_shown(hook), request, self._account.personality))


def _shown(hook: Webhook) -> Shown:
    if not hook.list_id:
        return {"id": hook.id, "url": hook.url, "enabled": hook.enabled}
    return {
        "id": hook.id,
        "url": hook.url,
        "events": dict(hook.events),
        "sources": dict(hook.sources),
        "list_id": hook.list_id,
    }


def _switches(given: Shown, name: str, known: tuple[str, ...], before: dict[str, bool]) -> dict[str, bool]:
    """Which events or sources are on; what is not said stays as it was, and is off at first."""
    said = given.get(name, {})
    if not isinstance(said, dict) or not all(isinstance(value, bool) for value in said.values()):
        raise invalid(name, "Schema describes boolean, but another type was found instead")
    return {one: said.get(one, before.get(one, False)) for one in known}
