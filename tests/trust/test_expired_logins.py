"""A login that runs out in the middle of a run is renewed once; one that is taken away stops the run, to be resumed.

The access token is refused from any request of the run on: the first one, the last one, and every one between.
"""

from __future__ import annotations

import pytest

from instep.errors import AccessError
from instep.sandbox import FaultKind

from .checks import differences, orphans, twins, unmatched, view
from .in_hubspot import HubSpotPlace
from .in_salesforce import SalesforcePlace
from .place import Applied
from .rehearsal import SOON, Run
from .theatre import Scene, Theatre

Crm = HubSpotPlace | SalesforcePlace
CRMS = ("hubspot", "salesforce")
REFUSED = b'{"error": "invalid_grant", "category": "OAUTH_TOKEN_REVOKED"}'


def requests(scene: Scene) -> list[int]:
    """Where the run of a story asks its first system something."""
    asks = f"{crm(scene).name}: "
    return [
        at
        for at, label in enumerate(scene.told.labels, 1)
        if label.startswith(asks) and not label.endswith(("oauth/token", "answered"))
    ]


def crm(scene: Scene) -> Crm:
    place = scene.story.places[0]
    assert isinstance(place, Crm)
    return place


def expired(scene: Scene, at: int, *, for_good: bool = False) -> Run:
    """The run of a story, with every access token expired from its request `at` on."""
    place, seen = crm(scene), 0

    def hear(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            place.log.clear()
            place.world.expire_tokens()
            if for_good:
                place.faults.add("oauth.token", FaultKind.STATUS, None, status=400, body=REFUSED)

    scene.story.put_back()
    return scene.story.run(meanwhile=hear)


def unnumbered(applied: tuple[Applied, ...]) -> list[Applied]:
    """What calls changed: a call that was refused because of its token counts as a call, and changes nothing."""
    return [one._replace(call=0) for one in applied]


def wrong_after_renewals(scene: Scene, stride: int) -> dict[str, object]:
    """Where an expired login is not renewed exactly once, or changes what is written."""
    found: dict[str, object] = {}
    for at in requests(scene)[::stride]:
        run = expired(scene, at)
        renewed = crm(scene).log.count("oauth.token")
        refused = sum(call.status == 401 for call in crm(scene).log.calls())
        written = {place.name: unnumbered(tuple(place.applied)) for place in scene.story.places}
        if run.error or (renewed, refused) != (1, 1):
            found[scene.told.labels[at - 1]] = run.error or f"renewed {renewed} times after {refused} refusals"
        elif written != {name: unnumbered(applied) for name, applied in scene.told.applied.items()}:
            found[scene.told.labels[at - 1]] = written
    return found


def wrong_after_revocations(scene: Scene, stride: int) -> dict[str, object]:
    """Where a login that is taken away does not stop the run, or the next run does not finish its work."""
    found: dict[str, object] = {}
    for at in requests(scene)[::stride]:
        run = expired(scene, at, for_good=True)
        asked = crm(scene).log.calls()
        passed = [call.label for call in asked if call.status < 400]
        if not isinstance(run.error, AccessError) or run.error.exit_code != 8 or passed or len(asked) > 4:
            found[scene.told.labels[at - 1]] = (run.error, [call.label for call in asked])
            continue
        crm(scene).faults.clear()
        scene.story.wait(SOON)
        scene.story.bring_in_step()
        held = scene.story.held()
        wrong = [*differences(scene.told.view, view(held)), *twins(held), *orphans(scene.story)]
        if wrong := [*wrong, *unmatched(scene.story)]:
            found[scene.told.labels[at - 1]] = wrong
    return found


@pytest.mark.parametrize("system", CRMS)
def test_a_login_that_expires_before_some_request_is_renewed_once(stage: Theatre, system: str) -> None:
    assert wrong_after_renewals(stage.scene(system, "everyday"), 5) == {}


@pytest.mark.ci
@pytest.mark.parametrize("journey", ["first load", "everyday", "departures"])
@pytest.mark.parametrize("system", CRMS)
def test_a_login_that_expires_before_any_request_is_renewed_once(stage: Theatre, system: str, journey: str) -> None:
    assert wrong_after_renewals(stage.scene(system, journey), 1) == {}


@pytest.mark.parametrize("system", CRMS)
def test_a_run_whose_login_is_taken_away_stops_and_is_completed_later(stage: Theatre, system: str) -> None:
    assert wrong_after_revocations(stage.scene(system, "everyday"), 12) == {}


@pytest.mark.ci
@pytest.mark.parametrize("system", CRMS)
def test_a_run_whose_login_is_taken_away_anywhere_is_completed_later(stage: Theatre, system: str) -> None:
    assert wrong_after_revocations(stage.scene(system, "everyday"), 2) == {}
