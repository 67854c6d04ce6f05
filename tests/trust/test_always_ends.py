"""A run always ends, whatever a system does to it: the rest is done, and the run says what is not."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from instep.sandbox import Request, Response

from .checks import differences, orphans, twins, unmatched, view
from .in_hubspot import HubSpotPlace
from .in_salesforce import SalesforcePlace
from .rehearsal import LATER, Rehearsal, Run
from .theatre import Scene, Theatre

Crm = HubSpotPlace | SalesforcePlace
CRMS = ("hubspot", "salesforce")
LONG = timedelta(hours=1)
"""No run may take as long, waits included."""


def crm(scene: Scene) -> Crm:
    place = scene.story.places[0]
    assert isinstance(place, Crm)
    return place


def run(story: Rehearsal) -> Run:
    """A run, which takes neither long nor many requests."""
    story.wait(LATER)
    began = story.time.at
    ended = story.run()
    assert story.time.at - began < LONG
    assert len(ended.labels) < 3000
    return ended


def id_of(place: Crm, name: str) -> str:
    found = place.find("person", name)
    return found if isinstance(found, str) else found[1]


def poisoned(place: Crm, id: str) -> None:
    """From now on the system fails whenever a write names this record."""

    def meddle(label: str, request: Request, answer: Callable[[], Response]) -> Response:
        is_write = any(word in label for word in ("update", "upsert", "create", "archive", "delete", "opt_out"))
        if is_write and (id in str(request.query) or id.encode() in request.body):
            return Response.of([{"message": "Sorry", "errorCode": "UNKNOWN_EXCEPTION"}], 500)
        return answer()

    place.meddle(meddle)


def still_wrong(scene: Scene) -> list[str]:
    """What is not as it should be once the system is itself again."""
    crm(scene).meddle(None)
    scene.story.wait(LATER)
    scene.story.bring_in_step()
    held = scene.story.held()
    return [
        *differences(scene.told.view, view(held)),
        *twins(held),
        *orphans(scene.story),
        *unmatched(scene.story),
    ]


def wrong_with_poison(scene: Scene, name: str) -> list[str]:
    """What a record that can never be written does to others, and what is left when it can."""
    story, place = scene.story, crm(scene)
    story.put_back()
    id = id_of(place, name)
    poisoned(place, id)
    for _ in range(3):
        outcome = run(story).outcome
        assert outcome is not None
    wrong = [text for text in differences(scene.told.view, view(story.held())) if name not in text]
    if outcome.status != "partial" or not any(id in str(note["examples"]) for note in outcome.notes):
        wrong.append(f"{outcome.status}, and not a word of {name}: {outcome.notes}")
    return wrong + still_wrong(scene)


@pytest.mark.parametrize("system", CRMS)
def test_a_record_that_always_fails_is_parked_and_the_others_are_written(stage: Theatre, system: str) -> None:
    assert wrong_with_poison(stage.scene(system, "everyday"), "Doe") == []


@pytest.mark.ci
@pytest.mark.parametrize(("system", "journey"), [(s, j) for s in CRMS for j in ("everyday", "departures")])
def test_whichever_record_always_fails_the_others_are_written(stage: Theatre, system: str, journey: str) -> None:
    scene = stage.scene(system, journey)
    written = {one.id for one in scene.told.applied["a"]}
    scene.story.put_back()
    names = sorted(one.name for one in crm(scene).held() if one.kind == "person" and one.id in written)
    assert names
    assert {name: wrong for name in names if (wrong := wrong_with_poison(scene, name))} == {}


# --- pages -----------------------------------------------------------------------------------------------------


MANY = 1000
"""No run may ask so often for one page after another."""


class Endless:
    """A system whose pages of one kind never end: they lead back to themselves, to each other, or ever on."""

    def __init__(self, labels: tuple[str, ...], tokens: Callable[[int], str], *, is_empty: bool) -> None:
        self.labels, self.tokens, self.is_empty = labels, tokens, is_empty
        self.asked = 0
        self._first: Any = None

    def __call__(self, label: str, request: Request, answer: Callable[[], Response]) -> Response:
        if label not in self.labels or self.asked > MANY:
            return answer()
        if self._first is None:
            given = answer()
            found = json.loads(given.body)
            if not (found.get("results") or found.get("records") or (self.is_empty and "asso" not in label)):
                return given  # there is nothing in it that could come again
            self._first = found
        self.asked += 1
        return Response.of(self._page(self.tokens(self.asked)))

    def _page(self, token: str) -> Any:
        if "records" in self._first:
            records = [] if self.is_empty else self._first["records"]
            place = f"/services/data/v62.0/query/01g{token}-2000"
            return {**self._first, "records": records, "done": False, "nextRecordsUrl": place}
        next = {"paging": {"next": {"after": token}}}
        if "associations.batch_read" in self.labels:
            ends = {"to": []} if self.is_empty else {}
            return {"results": [{**one, **ends, **next} for one in self._first["results"]]}
        results = [] if self.is_empty else self._first["results"]
        return {**self._first, "results": results, **next}


TOKENS: dict[str, Callable[[int], str]] = {
    "back to itself": lambda _: "1",
    "in a circle": lambda number: "123"[number % 3],
    "ever on": str,
}
PAGED = [
    ("hubspot", "first load", ("objects.list",)),
    ("hubspot", "everyday", ("objects.list",)),
    ("hubspot", "everyday", ("objects.search",)),
    ("hubspot", "first load", ("owners.list",)),
    ("hubspot", "everyday", ("associations.batch_read",)),
    ("salesforce", "first load", ("query.all", "query.more")),
    ("salesforce", "everyday", ("query.all", "query.more")),
]


def wrong_with_endless_pages(scene: Scene, labels: tuple[str, ...]) -> dict[str, object]:
    """What a kind of page that never ends does to a run, and what is left when it ends again."""
    found: dict[str, object] = {}
    asked = 0
    for way, is_empty in itertools.product(TOKENS, (False, True)):
        scene.story.put_back()
        endless = Endless(labels, TOKENS[way], is_empty=is_empty)
        crm(scene).meddle(endless)
        ended = run(scene.story)
        asked += endless.asked
        said = ended.error or (ended.outcome and ended.outcome.stopped)
        if endless.asked > MANY or bool(endless.asked) != bool(said):
            found[f"{way}, {is_empty}"] = (endless.asked, said)
        elif wrong := still_wrong(scene):
            found[f"{way}, {is_empty}"] = wrong
    assert asked
    return found


@pytest.mark.parametrize(("system", "journey", "labels"), PAGED)
def test_pages_that_never_end_end_the_read(
    stage: Theatre, system: str, labels: tuple[str, ...], journey: str
) -> None:
    assert wrong_with_endless_pages(stage.scene(system, journey), labels) == {}
