"""The merge fields of an audience, read once and again when something was not known."""

from __future__ import annotations

from typing import Final

from instep_mailchimp import wire
from instep_mailchimp.answers import Call
from instep_mailchimp.client import MailchimpClient
from instep_mailchimp.wire import MergeField

_MOST: Final = "1000"


class MergeFields:
    """The merge fields of every audience that takes part. mailchimp.com/developer/marketing"""

    def __init__(self, client: MailchimpClient) -> None:
        self._client = client
        self._known: dict[str, dict[str, MergeField]] = {}

    def of(self, list_id: str) -> dict[str, MergeField]:
        """The fields of an audience by tag, as they were when they were read last."""
        return self._known[list_id] if list_id in self._known else self.read(list_id)

    def read(self, list_id: str) -> dict[str, MergeField]:
        """The fields of an audience by tag, as they are now."""
        query = {"count": _MOST, "exclude_fields": "_links,merge_fields._links"}
        call = Call("GET", wire.path("lists", list_id, "merge-fields"), "merge-fields/list", query)
        found = self._client.fetch(call, wire.merge_fields).value.merge_fields
        self._known[list_id] = {field.tag: field for field in found}
        return self._known[list_id]
