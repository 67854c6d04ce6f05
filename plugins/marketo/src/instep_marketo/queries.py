"""Reads leads by a filter: by id, or by a field whose values they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from instep.contract import Seen
from instep.errors import RemoteError
from instep.model.values import Scalar
from instep_marketo.answers import Call, RefusedError, instant
from instep_marketo.associations import Members
from instep_marketo.client import MarketoClient
from instep_marketo.schema import Schema, typed

BATCH: Final = 300
"""The most values of a filter, and the most leads of a page."""
_TOO_MANY: Final = "1003"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Leads:
    """The leads of one subscription, straight from the lead database."""

    def __init__(self, client: MarketoClient, schema: Schema, members: Members) -> None:
        self._client = client
        self._schema = schema
        self._members = members

    def by_id(self, ids: Sequence[str], fields: Sequence[str]) -> dict[str, Seen]:
        """The leads that are there, by their ids, with what was asked for."""
        wanted = [id for id in dict.fromkeys(ids) if id.isdecimal()]
        found: dict[str, Seen] = {}
        for start in range(0, len(wanted), BATCH):
            records = self._records("id", wanted[start : start + BATCH], self._schema.known(fields))
            found |= {str(record["id"]): self._seen(record, fields) for record in records}
        return self._with_memberships(found, fields)

    def holding(self, field: str, values: Sequence[str], fields: Sequence[str]) -> dict[str, list[Seen]]:
        """The leads that hold each of these values, without regard to case. A value with a comma finds nothing.

        Marketo separates the values of a filter by commas, and knows no way to say that one is meant.
        """
        wanted = [value for value in dict.fromkeys(values) if value and "," not in value]
        leads: dict[str, Seen] = {}
        found: dict[str, list[str]] = {}
        for start in range(0, len(wanted), BATCH):
            known = self._schema.known((*fields, field))
            for record in self._records(field, wanted[start : start + BATCH], known):
                id = str(record["id"])
                leads[id] = self._seen(record, fields)
                found.setdefault(str(record.get(field) or "").casefold(), []).append(id)
        leads = self._with_memberships(leads, fields)
        return {text: [leads[id] for id in ids] for text, ids in found.items()}

    def _records(self, field: str, values: Sequence[str], fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Every lead that a filter finds. Where there are more than a thousand, half of the values are asked for.

        Marketo developer guide: Leads
        """
        form = {
            "filterType": field,
            "filterValues": ",".join(values),
            "fields": ",".join(dict.fromkeys(("id", "updatedAt", *fields))),
            "batchSize": str(BATCH),
        }
        call = Call("POST", "/rest/v1/leads.json", "leads/read", {"_method": "GET"}, form=form)
        try:
            records = [record for page in self._client.pages(call) for record in page.result]
        except RefusedError as refused:
            if refused.code != _TOO_MANY or "too many" not in str(refused).lower() or len(values) < 2:
                raise
            middle = len(values) // 2
            yield from self._records(field, values[:middle], fields)
            yield from self._records(field, values[middle:], fields)
            return
        for record in records:
            if not isinstance(record, dict) or not isinstance(record.get("id"), int):
                raise RemoteError("Marketo (leads/read): answered with leads that cannot be read. Run again later.")
            yield record

    def _seen(self, record: Mapping[str, Any], fields: Sequence[str]) -> Seen:
        """A field that Marketo has and left out is blank; one that it has not stays absent."""
        known = self._schema.fields()
        values = {name: typed(known[name], record.get(name)) for name in fields if name in known}
        return Seen(str(record["id"]), values, instant(record.get("updatedAt")) or _EPOCH)

    def _with_memberships(self, found: dict[str, Seen], fields: Sequence[str]) -> dict[str, Seen]:
        names = self._members.names(fields)
        if not names or not found:
            return found
        held: dict[str, dict[str, Scalar]] = self._members.read(list(found), names)
        return {id: Seen(id, {**seen.fields, **held[id]}, seen.modified_at) for id, seen in found.items()}
