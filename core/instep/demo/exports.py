"""The exported files: written once at the start, edited as marketing would, read back from disk."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from instep.demo.hands import Held
from instep.demo.scene import Act, Buyer, Deal, Firm, Scene

FOLDER = "exports"
OBJECTS = {"companies": "company_id", "people": "person_id", "opportunities": "opportunity_id"}
"""The files and the column that names a row of each."""

ENDS = {
    "companies": {},
    "people": {"companies": "company_id"},
    "opportunities": {"companies": "company_id", "people": "people"},
}

ACTIVITIES = {
    "visits-website": "website visit",
    "downloads-document": "download",
    "attends-webinar": "webinar",
    "requests-call": "call request",
    "describes-project": "project description",
    "provides-specification-and-budget": "specification",
    "requests-proposal": "proposal request",
    "completes-validation": "validation",
    "places-order": "order",
    "starts-implementation": "kick-off",
    "goes-live": "go-live",
    "reports-benefit": "benefit",
    "repeat-purchase": "repeat order",
    "refers-buyer": "referral",
}

_STAGES = {
    "consideration": "shortlist",
    "decision": "evaluation",
    "purchase": "contract",
    "no_decision": "no decision",
}
_MODIFIED = "2026-06-12T18:00:00Z"


def write_exports(scene: Scene, folder: Path) -> int:
    """Write the four files into `folder`, and say how many rows they have."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "companies": [_company(scene, firm) for firm in scene.firms if firm.known.files],
        "people": [_person(scene, buyer) for buyer in scene.buyers if buyer.known.files],
        "opportunities": [_opportunity(scene, deal) for deal in scene.deals if deal.known.files],
        "activities": [activity(scene, act) for act in scene.acts_of("files")],
    }
    for name, rows in files.items():
        _write(folder / f"{name}.csv", rows)
    return sum(map(len, files.values()))


def append_activity(folder: Path, row: Mapping[str, str]) -> None:
    """Add one line at the end of the activities, as tomorrow's export would."""
    place = folder / "activities.csv"
    text = place.read_text(encoding="utf-8")
    place.write_text(text + _lines([row]), encoding="utf-8", newline="\n")


def activity(scene: Scene, act: Act) -> dict[str, str]:
    """One act as the activities tell it."""
    return {
        "activity_id": act.key,
        "at": _instant(act.at),
        "activity": ACTIVITIES[act.behaviour],
        "person_id": act.buyer,
        "opportunity_id": act.deal,
        "email": scene.buyer[act.buyer].email if act.buyer else "",
        "company_id": act.firm,
        "page": act.page,
    }


def read_exports(folder: Path) -> Iterator[Held]:
    """Every row, read from disk with nothing but Python's csv module."""
    for name, key in OBJECTS.items():
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                ends = {there: tuple(filter(None, row[column].split(";"))) for there, column in ENDS[name].items()}
                related = {there: tuple(id.strip() for id in ids) for there, ids in ends.items()}
                fields = {column: cell or None for column, cell in row.items()}
                yield Held(name, row[key], fields, related, opted_out=row.get("opted_out") == "yes")


def _company(scene: Scene, firm: Firm) -> dict[str, str]:
    return {
        "company_id": firm.key,
        "name": firm.name,
        "domain": firm.domain,
        "industry": firm.spelled_industry,
        "city": firm.city,
        "country": firm.country,
        "employees": str(firm.employees),
        "owner": _name(scene, firm.owner),
        "modified": _MODIFIED,
    }


def _person(scene: Scene, buyer: Buyer) -> dict[str, str]:
    is_tied = buyer.tied.files and scene.firm[buyer.firm].known.files
    return {
        "person_id": buyer.key,
        "first_name": buyer.first,
        "last_name": buyer.last,
        "email": buyer.email,
        "title": buyer.title,
        "phone": buyer.phone,
        "company_id": buyer.firm if is_tied else "",
        "stage": buyer.stage,
        "owner": _name(scene, buyer.owner),
        "opted_out": "yes" if buyer.opted_out.files else "",
        "modified": _MODIFIED,
    }


def _opportunity(scene: Scene, deal: Deal) -> dict[str, str]:
    people = [key for key in deal.buyers if scene.buyer[key].known.files]
    word = deal.outcome or deal.stage
    return {
        "opportunity_id": deal.key,
        "reference": deal.reference,
        "name": deal.name,
        "company_id": deal.firm if scene.firm[deal.firm].known.files else "",
        "people": ";".join(people),
        "stage": _STAGES.get(word, word),
        "amount": str(deal.amount),
        "close_date": deal.close_date.isoformat(),
        "owner": _name(scene, deal.owner),
        "modified": _MODIFIED,
    }


def _name(scene: Scene, key: str) -> str:
    colleague = scene.colleague(key)
    return colleague.name if colleague else ""


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _write(place: Path, rows: list[dict[str, str]]) -> None:
    header = ",".join(rows[0]) + "\n" if rows else ""
    place.write_text(header + _lines(rows), encoding="utf-8", newline="\n")


def _lines(rows: Iterable[Mapping[str, str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(row.values() for row in rows)
    return text.getvalue()
