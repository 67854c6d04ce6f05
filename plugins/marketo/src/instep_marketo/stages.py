"""Reads the progression statuses of programs. No API changes them: they are compared, and changed by hand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec

from instep.contract import Outcome, Pipeline, Rejected, StageChange, StageLimits, SystemStage
from instep.errors import PluginError, RemoteError
from instep_marketo.answers import Call
from instep_marketo.associations import PROGRAM, members
from instep_marketo.client import MarketoClient
from instep_marketo.settings import MarketoSettings

BY_HAND: Final = (
    "In Marketo, under Admin, Tags, Channels, edit the channel of the program: add, rename, order or hide its "
    "statuses there. Members keep the status that they have."
)
_PAGE: Final = 200


class Status(msgspec.Struct):
    """A progression status of a channel. Step 0 is "Not in Program", which nobody can be given."""

    name: str
    step: int
    hidden: bool = False
    success: bool = False


class Channel(msgspec.Struct):
    name: str
    progressionStatuses: list[Status] = []  # noqa: N815


class Program(msgspec.Struct):
    id: int
    name: str
    channel: str


class MarketoStages:
    """The statuses of the programs that the settings name, each as a pipeline named `program:ID`.

    Marketo developer guide: Channels
    """

    def __init__(self, client: MarketoClient, settings: MarketoSettings) -> None:
        self._client = client
        self._programs = {f"{PROGRAM}{id}": id for id in settings.programs}

    def read(self) -> tuple[Pipeline, ...]:
        """Every named program, with the statuses that a member can be given now, in order of their steps."""
        found = self.configured([("leads", name) for name in self._programs])
        return tuple(
            Pipeline(p.object, p.id, p.label, tuple(stage for stage in p.stages if stage.active)) for p in found
        )

    def limits(self, object: str, field: str) -> StageLimits | None:
        """Nothing can be configured but by hand; what records hold is the name of a status."""
        if object != "leads" or field not in self._programs:
            return None
        return StageLimits(object, field, ids_are_labels=True, keeps_retired=True, by_hand=BY_HAND)

    def configured(self, fields: Collection[tuple[str, str]]) -> tuple[Pipeline, ...]:
        """One call for the channels of all, and one for each program."""
        wanted = [field for object, field in dict.fromkeys(fields) if object == "leads" and field in self._programs]
        if not wanted:
            return ()
        channels = {channel.name: channel for channel in self._channels()}
        return tuple(self._pipeline(name, channels) for name in wanted)

    def apply(self, changes: Sequence[StageChange]) -> list[Outcome]:
        """No API changes channels, so every change is refused with the way to do it by hand."""
        return [Rejected("by_hand", BY_HAND) for _ in changes]

    def holders(self, object: str, pipeline: str | None, stage: str) -> Sequence[str]:
        """The members of a program that hold a status; of all the named programs, where none is given."""
        if pipeline is not None and pipeline not in self._programs:
            raise PluginError(f'Marketo: the setting programs names no "{pipeline}".')
        names = list(self._programs) if pipeline is None else [pipeline]
        found = (member for name in names for member in members(self._client, name, "statusName", stage))
        return tuple(dict.fromkeys(str(member.leadId) for member in found))

    # --- assets ------------------------------------------------------------------------------------------------

    def _pipeline(self, name: str, channels: dict[str, Channel]) -> Pipeline:
        path = f"/rest/asset/v1/program/{self._programs[name]}.json"
        found = _converted(self._client.fetch(Call("GET", path, "programs/read")).result, Program)
        if not found:
            raise RemoteError(f"Marketo has no program {self._programs[name]}. Correct the setting programs.")
        program = found[0]
        if program.channel not in channels:
            raise RemoteError(f'Marketo does not list the channel "{program.channel}". Run again later.')
        statuses = sorted(channels[program.channel].progressionStatuses, key=lambda s: (s.hidden, s.step))
        stages = [
            SystemStage(status.name, status.name, order, active=not status.hidden)
            for order, status in enumerate(status for status in statuses if status.step > 0)
        ]
        return Pipeline("leads", name, program.name, tuple(stages))

    def _channels(self) -> list[Channel]:
        """All channels. Where nothing is found, assets answer with a warning and no result."""
        found: list[Channel] = []
        while True:
            query = {"maxReturn": str(_PAGE), "offset": str(len(found))}
            call = Call("GET", "/rest/asset/v1/channels.json", "channels/list", query)
            page = _converted(self._client.fetch(call).result, Channel)
            if {channel.name for channel in page} & {channel.name for channel in found}:
                raise RemoteError("Marketo (channels/list): gives the same pages again and again. Run again later.")
            found += page
            if len(page) < _PAGE:
                return found


def _converted(result: list[Any], kind: Any) -> list[Any]:
    try:
        converted: list[Any] = msgspec.convert(result, list[kind])
    except msgspec.ValidationError:
        raise RemoteError("Marketo: answered with assets that cannot be read. Run again later.") from None
    return converted
