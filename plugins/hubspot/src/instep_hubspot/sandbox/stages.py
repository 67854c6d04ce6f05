"""Stages: which moves HubSpot takes, and what it computes from them."""

from __future__ import annotations

from collections.abc import Mapping

from instep_hubspot.sandbox.errors import ValueProblem, invalid_values
from instep_hubspot.sandbox.objecttypes import ObjectType
from instep_hubspot.sandbox.pipelines import Stage
from instep_hubspot.sandbox.portal import API, AUTOMATION, Portal
from instep_hubspot.sandbox.records import Record, Source
from instep_hubspot.sandbox.times import iso

LIFECYCLE = "lifecyclestage"


def stage_values(
    portal: Portal, kind: ObjectType, given: Mapping[str, str], current: Mapping[str, str]
) -> dict[str, str]:
    """What follows from a pipeline or stage that is written; a stage outside its pipeline is refused."""
    if kind.pipeline is None or kind.stage is None or not ({kind.pipeline, kind.stage} & given.keys()):
        return {}
    default = portal.pipelines.default(kind.name).id
    pipeline = given.get(kind.pipeline) or current.get(kind.pipeline) or default
    stage = given.get(kind.stage) or current.get(kind.stage, "")
    found = _stage(portal, kind, pipeline, stage)
    values = {kind.pipeline: pipeline, kind.stage: stage}
    if kind.name == "deals":
        values |= {
            "hs_is_closed": str(found.is_closed).lower(),
            "hs_is_closed_won": str(found.probability == 1.0).lower(),
            "hs_deal_stage_probability": found.metadata.get("probability", "0.0"),
        }
    if stage != current.get(kind.stage):
        values[f"hs_v2_date_entered_{stage}"] = iso(portal.now())
        if left := current.get(kind.stage):
            values[f"hs_v2_date_exited_{left}"] = iso(portal.now())
    return values


def _stage(portal: Portal, kind: ObjectType, pipeline: str, stage: str) -> Stage:
    known = portal.pipelines.of(kind.name)
    if pipeline not in known:
        raise _not_an_option(kind.pipeline or "", pipeline, list(known))
    found = known[pipeline].stages.get(stage)
    if found is None:
        raise _not_an_option(kind.stage or "", stage, [item.id for item in known[pipeline].ordered()])
    return found


def _not_an_option(name: str, value: str, allowed: list[str]) -> Exception:
    message = f"{value} was not one of the allowed options: [{', '.join(allowed)}]"
    return invalid_values([ValueProblem(name, "INVALID_OPTION", message)])


def lifecycle_values(
    portal: Portal,
    kind: ObjectType,
    given: Mapping[str, str],
    current: Mapping[str, str],
    source: Source,
) -> dict[str, str]:
    """What becomes of a lifecycle stage that is written: a step back is silently not taken."""
    if LIFECYCLE not in given or LIFECYCLE not in portal.properties[kind.name]:
        return {}
    order = [option.value for option in portal.properties[kind.name][LIFECYCLE].options]
    wanted, held = given[LIFECYCLE], current.get(LIFECYCLE, "")
    if wanted == held:
        return {}
    bound = portal.personality.lifecycle_forward_only and source in (API, AUTOMATION)
    if bound and wanted and held in order and order.index(wanted) < order.index(held):
        return {LIFECYCLE: held}
    return _lifecycle_dates(portal, kind, order, wanted=wanted, held=held, current=current)


def _lifecycle_dates(
    portal: Portal, kind: ObjectType, order: list[str], *, wanted: str, held: str, current: Mapping[str, str]
) -> dict[str, str]:
    now, dates = iso(portal.now()), {}
    if held:
        dates[f"hs_v2_date_exited_{held}"] = now
    if wanted:
        dates[f"hs_v2_date_entered_{wanted}"] = now
        later = order[order.index(wanted) + 1 :]
        for name in (f"hs_lifecyclestage_{stage}_date" for stage in later):
            if name in current:
                dates[name] = ""
        if (own := f"hs_lifecyclestage_{wanted}_date") in portal.properties[kind.name]:
            dates[own] = now
    return dates


def after_stages(portal: Portal, kind: ObjectType, record: Record, changed: set[str]) -> None:
    """Let automation follow a deal that was created or won, where the account has it on."""
    if kind.name != "deals" or "dealstage" not in changed or not portal.personality.lifecycle_automation:
        return
    follow_deal(portal, record.id)


def follow_deal(portal: Portal, deal: str) -> None:
    """Move the buyers of a deal to the lifecycle stage that it stands for."""
    record = portal.tables["deals"].live(deal)
    if record is not None:
        won = record.values.get("hs_is_closed_won") == "true"
        _raise_buyers(portal, deal, "customer" if won else "opportunity")


def _raise_buyers(portal: Portal, deal: str, stage: str) -> None:
    for name in ("contacts", "companies"):
        kind = portal.types[name]
        order = [option.value for option in portal.properties[name][LIFECYCLE].options]
        for other in portal.associations.links("deals", deal, name):
            buyer = portal.table(kind).live(other)
            if buyer is None:
                continue
            held = buyer.values.get(LIFECYCLE, "")
            if held in order and order.index(held) >= order.index(stage):
                continue
            values = {LIFECYCLE: stage}
            values |= lifecycle_values(portal, kind, values, buyer.values, AUTOMATION)
            portal.store(kind, buyer, values, AUTOMATION)
