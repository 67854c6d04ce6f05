"""Says which Marketo subscription a login belongs to, and how many calls it has left today."""

from __future__ import annotations

from typing import Any

import msgspec

from instep.contract import Allowance, ConnectionInfo
from instep.errors import RemoteError
from instep_marketo.answers import Call, midnight
from instep_marketo.client import MarketoClient
from instep_marketo.settings import MarketoSettings


class _Day(msgspec.Struct):
    total: int = 0


def check(client: MarketoClient, settings: MarketoSettings) -> ConnectionInfo:
    """The subscription, which is in the address, and the calls that everybody made today, in one call.

    The quota itself no answer tells: it is the setting `calls_per_day`.
    Marketo developer guide
    """
    answer = client.fetch(Call("GET", "/rest/v1/stats/usage.json", "stats/usage"))
    left = max(0, settings.calls_per_day - sum(_total(day) for day in answer.result))
    renews_at = midnight(answer.at) if answer.at else None
    client.effects.allowed(Allowance(settings.calls_per_day, left, renews_at))
    return ConnectionInfo(
        org=settings.munchkin_id,
        user=client.user,
        now=answer.at,
        calls_left_today=left,
    )


def _total(day: Any) -> int:
    try:
        return msgspec.convert(day, _Day).total
    except msgspec.ValidationError:
        raise RemoteError("Marketo (stats/usage): answered with counts that cannot be read.") from None
