"""Reads the users and queues that records can belong to."""

from __future__ import annotations

from typing import Final

from instep.contract import SystemOwner
from instep_salesforce import wire
from instep_salesforce.client import SalesforceClient
from instep_salesforce.queries import query_all
from instep_salesforce.wire import Record

_USERS: Final = {"Id": "id", "Name": "string", "Email": "email", "IsActive": "boolean"}
_QUEUES: Final = {"Id": "id", "Name": "string", "Email": "email"}


class SalesforceOwners:
    """Users, and queues, which may own leads only."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client

    def read(self) -> tuple[SystemOwner, ...]:
        """Everyone, in order of id: a user is never deleted, so those who left are there, inactive.

        developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_user.htm
        """
        users = self._rows("User", _USERS, "")
        queues = self._rows("Group", _QUEUES, " WHERE Type = 'Queue'")
        return (
            *(_owner(user, active=bool(user["IsActive"])) for user in users),
            *(_owner(queue, active=True, is_queue=True) for queue in queues),
        )

    def _rows(self, object: str, types: dict[str, str], where: str) -> list[Record]:
        query = f"SELECT {','.join(types)} FROM {object}{where} ORDER BY Id"  # noqa: S608 - constants
        return list(query_all(self._client, object, wire.Columns(types), query))


def _owner(record: Record, *, active: bool, is_queue: bool = False) -> SystemOwner:
    name = record["Name"] or record["Email"] or record["Id"]
    return SystemOwner(record["Id"], name, record["Email"] or None, active, is_queue)
