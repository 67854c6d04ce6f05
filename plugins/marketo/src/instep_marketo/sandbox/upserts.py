"""How a lead that a call brings is found, refused, created or changed: the same for every call that brings leads."""

from __future__ import annotations

from typing import Any

from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.operations import Body
from instep_marketo.sandbox.subscription import API, Subscription
from instep_marketo.sandbox.values import stored
from instep_marketo.schema import COMPANY_FIELDS

ACTIONS = ("createOrUpdate", "createOnly", "updateOnly", "createDuplicate")
FILTERS = {"cookies", "facebookId", "linkedInId", "sfdcAccountId", "sfdcContactId", "sfdcLeadId", "sfdcLeadOwnerId"}
FILTERS |= {"sfdcOpptyId", "twitterId"}


class Upserts:
    """Takes leads one by one, by one action and one lookup field; raises `RefusedError` for one that is skipped."""

    def __init__(
        self,
        subscription: Subscription,
        *,
        action: str = "createOrUpdate",
        lookup: str = "email",
        partition: str | None = None,
        source: str = API,
    ) -> None:
        self._state = subscription
        if action not in ACTIONS:
            raise RefusedError("1003", f"Invalid data: unknown action '{action}'")
        if lookup != "id" or action != "updateOnly":
            require_filter(subscription, lookup)
        self._action, self._lookup, self._source = action, lookup, source
        takes_partition = action in ("createOnly", "createOrUpdate")
        self._partition = partition_of(subscription, partition) if partition and takes_partition else None
        self._seen: set[str] = set()

    def take(self, given: Body) -> Body:
        """What came of one lead; there is no "unchanged"."""
        self._state.reject_now_and_then()
        key = given.get(self._lookup)
        if self._action in ("createOrUpdate", "updateOnly") and key in (None, ""):
            raise RefusedError("1002", f"Missing value for the required parameter '{self._lookup}'")
        if "id" in given and self._action != "updateOnly":
            raise RefusedError("1003", "Invalid data: id cannot be sent here")
        if str(key).casefold() in self._seen and self._action != "createDuplicate":
            raise RefusedError("1036", "Duplicate object found in input")
        values = {name: self.value(name, value) for name, value in given.items() if name != "id"}
        found = [] if self._action == "createDuplicate" else self._state.holders(self._lookup, key)
        if len(found) > 1:
            raise RefusedError("1007", "Multiple lead match lookup criteria")
        self._seen.add(str(key).casefold())
        return self._changed(found[0], values) if found else self._created(values)

    def value(self, name: str, value: Any) -> Any:
        """A value as it is kept."""
        known = self._state.field(name)
        if not known.updateable:
            raise RefusedError("1011", f"Field '{name}' not supported")
        if name in COMPANY_FIELDS and self._state.personality.refuses_company_fields:
            raise RefusedError("1021", f"Company update not allowed: Field '{name}'")
        for link, kind in (("externalSalesPersonId", "salespersons"), ("externalCompanyId", "companies")):
            if name == link and value and self._state.object(kind, link, value) is None:
                raise RefusedError("1013", f"Object not found: Field '{name}'")
        return stored(known, value, trim=self._state.personality.normalise)

    def _changed(self, id: int, values: Body) -> Body:
        if self._action == "createOnly":
            raise RefusedError("1005", "Lead already exists")
        if self._partition is not None and self._state.leads[id]["leadPartitionId"] != self._partition:
            raise RefusedError("1010", "Partition update not allowed")
        self._state.change(id, values, self._source)
        return {"id": id, "status": "updated"}

    def _created(self, values: Body) -> Body:
        if self._action == "updateOnly":
            raise RefusedError("1004", "Lead not found")
        character = self._state.personality
        if self._partition is None and character.partition_required and len(self._state.partitions) > 1:
            raise RefusedError("1009", "Partition name must be specified")
        return {"id": self._state.create(values, self._source, self._partition or 1), "status": "created"}


def require_filter(state: Subscription, name: str) -> None:
    """Refuse a field by which no lead can be found."""
    known = state.fields.get(name)
    own = known is not None and known.custom and known.type in ("string", "email", "integer")
    if name not in FILTERS and not own and not (known is not None and known.searchable):
        raise RefusedError("1011", f"Field '{name}' not supported")


def partition_of(state: Subscription, name: object) -> int:
    """A partition by its name, if it is there and open to the caller."""
    found = next((id for id, known in state.partitions.items() if known == name), None)
    if found is None or name in state.caller.closed_partitions:
        raise RefusedError("1008", f"Access denied to partition '{name}'")
    return found
