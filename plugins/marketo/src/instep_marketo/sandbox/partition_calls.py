"""Partitions, in which leads live."""

from __future__ import annotations

from instep.sandbox import Request
from instep_marketo.sandbox.lead_calls import known_lead
from instep_marketo.sandbox.operations import Body, Operation, body_of, each, inputs_of, result
from instep_marketo.sandbox.subscription import Subscription
from instep_marketo.sandbox.upserts import partition_of

PATH = "/rest/v1/leads/partitions.json"


class PartitionCalls:
    """The calls of `/rest/v1/leads/partitions`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        return [
            Operation("GET", PATH, self.list, "partitions.list", "Read-Only Lead"),
            Operation("POST", PATH, self.move, "partitions.move", "Read-Write Lead"),
        ]

    def list(self, request: Request) -> Body:
        """The partitions that are open to the caller."""
        closed = self._state.caller.closed_partitions
        open_ones = [(id, name) for id, name in self._state.partitions.items() if name not in closed]
        return result([{"id": id, "name": name, "description": ""} for id, name in open_ones])

    def move(self, request: Request) -> Body:
        """Put leads into other partitions: the only way there is by API."""
        inputs = inputs_of(body_of(request), self._state.personality.input_limit)
        return each(inputs, self._moved)

    def _moved(self, given: Body) -> Body:
        id, partition = (
            known_lead(self._state, given.get("id")),
            partition_of(self._state, given.get("partitionName")),
        )
        lead, names = self._state.leads[id], self._state.partitions
        before = lead["leadPartitionId"]
        if before != partition:
            lead["leadPartitionId"] = partition
            told = {"Old Partition": names[before], "New Partition": names[partition]}
            self._state.write(id, 100, partition, names[partition], told)
        return {"id": id, "status": "updated"}
