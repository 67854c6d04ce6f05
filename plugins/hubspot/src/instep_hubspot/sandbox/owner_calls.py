"""Owners: `/crm/v3/owners`, for reading only."""

from __future__ import annotations

from instep.sandbox import Request, Response
from instep_hubspot.sandbox.bodies import Body, offset, page_size
from instep_hubspot.sandbox.errors import not_found
from instep_hubspot.sandbox.operations import Operation, fixed
from instep_hubspot.sandbox.portal import Portal


class OwnerCalls:
    """List and read owners."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        scope = fixed("crm.objects.owners.read")
        return [
            Operation("GET", "/crm/v3/owners", self.list, "owners.list", scope),
            Operation("GET", "/crm/v3/owners/{ownerId}", self.read, "owners.read", scope),
        ]

    def list(self, request: Request) -> Response:
        """A page of present or former owners."""
        limit, after, email = page_size(request, 100, 500), offset(request), request.one("email")
        found = [
            owner
            for owner in self._portal.owners.all(archived=request.flag("archived"))
            if int(owner.id) > after and (email is None or owner.email.lower() == email.lower())
        ]
        body: Body = {"results": [owner.to_dict() for owner in found[:limit]]}
        if len(found) > limit:
            last = found[limit - 1].id
            link = f"{self._portal.base_url}/crm/v3/owners/?after={last}&limit={limit}"
            body["paging"] = {"next": {"after": last, "link": link}}
        return Response.of(body)

    def read(self, request: Request) -> Response:
        """One owner by its id or the id of its user."""
        word = request.params["ownerId"]
        by_user = request.one("idProperty") == "userId"
        owner = self._portal.owners.by_user(word) if by_user else self._portal.owners.get(word)
        if owner is None or owner.archived != request.flag("archived"):
            raise not_found()
        return Response.of(owner.to_dict())
