"""Claims about stages, fields, owners and consent."""

from __future__ import annotations

from typing import ClassVar

import pytest

from instep.contract import (
    Consent,
    ConsentChange,
    FieldSpec,
    Rejected,
    Subject,
    Update,
    Written,
)
from instep.testing.marks import reads_only
from instep.testing.workbench import Workbench, is_sentence


class SetupClaims:
    """What the parts beside records promise."""

    email_field: ClassVar[str]
    own_field: ClassVar[str]

    # --- stages ------------------------------------------------------------------------------------------------

    @reads_only
    def test_stages_are_told_apart_and_in_order(self, bench: Workbench) -> None:
        pipelines = bench.part("stages").read()
        assert pipelines
        for pipeline in pipelines:
            orders = [stage.order for stage in pipeline.stages]
            assert orders == sorted(orders)
            assert len({stage.id for stage in pipeline.stages}) == len(pipeline.stages)

    @reads_only
    def test_a_won_stage_is_a_closed_stage_and_probabilities_are_shares(self, bench: Workbench) -> None:
        stages = [stage for pipeline in bench.part("stages").read() for stage in pipeline.stages]
        assert all(stage.closed for stage in stages if stage.won)
        assert all(stage.probability is None or 0 <= stage.probability <= 1 for stage in stages)

    # --- fields ------------------------------------------------------------------------------------------------

    def test_a_field_that_was_created_is_listed_and_may_be_created_again(self, bench: Workbench) -> None:
        fields = bench.part("fields")
        for object in bench.records.objects:
            for spec in (
                FieldSpec(object, self.own_field.format("key"), "Conformance key", "text", unique=True),
                FieldSpec(object, self.own_field.format("score"), "Conformance score", "number"),
            ):
                first, second = fields.create(spec), fields.create(spec)
                assert isinstance(first, Written)
                assert isinstance(second, Written)
                listed = {field.name: field for field in fields.read(object)}[spec.name]
                assert (listed.type, listed.unique) == (spec.type, spec.unique)

    def test_a_field_of_another_type_under_that_name_is_refused(self, bench: Workbench) -> None:
        fields = bench.part("fields")
        name = self.own_field.format("taken")
        assert isinstance(fields.create(FieldSpec(bench.object, name, "Taken", "text")), Written)
        outcome = fields.create(FieldSpec(bench.object, name, "Taken", "number"))
        assert isinstance(outcome, Rejected)
        assert is_sentence(outcome.reason)

    # --- owners ------------------------------------------------------------------------------------------------

    @reads_only
    def test_owners_are_told_apart_and_named(self, bench: Workbench) -> None:
        owners = bench.part("owners").read()
        assert len({owner.id for owner in owners}) == len(owners)
        assert all(owner.name for owner in owners)

    # --- consent -----------------------------------------------------------------------------------------------

    def test_who_said_nothing_has_not_agreed(self, bench: Workbench) -> None:
        (found,) = bench.part("consents").read([_person(bench, self.email_field)])
        assert not [consent for consent in found if consent.explicit or consent.state != "unset"]

    def test_an_opt_out_is_read_back_as_said_by_the_person(self, bench: Workbench) -> None:
        subject = _person(bench, self.email_field)
        consents = bench.part("consents")
        for _ in range(2):
            (outcome,) = consents.opt_out([_change(bench, subject)])
            assert isinstance(outcome, Written)
        consent = _to_all(consents.read([subject])[0])
        assert (consent.state, consent.explicit) == ("out", True)
        assert consent.at is not None

    def test_an_opt_out_shows_in_the_flag(self, bench: Workbench) -> None:
        flag = bench.part("consents").flag_field
        if flag is None:
            pytest.skip(f"{bench.plugin.name} has no flag for opted-out people.")
        subject = _person(bench, self.email_field)
        bench.part("consents").opt_out([_change(bench, subject)])
        assert bench.fields_of(subject.object, subject.id, [flag])[flag] is True

    def test_a_person_without_an_address_is_refused_alone(self, bench: Workbench) -> None:
        known = _person(bench, self.email_field)
        nobody = Subject(known.object, bench.make(known.object)[0], None)
        first, second = bench.part("consents").opt_out([_change(bench, nobody), _change(bench, known)])
        assert isinstance(first, Rejected)
        assert isinstance(second, Written)

    def test_an_opt_in_after_an_opt_out_is_written_or_refused_for_compliance(self, bench: Workbench) -> None:
        subject = _person(bench, self.email_field)
        consents = bench.part("consents")
        consents.opt_out([_change(bench, subject)])
        (outcome,) = consents.opt_in([_change(bench, subject)])
        assert isinstance(outcome, Written) or (isinstance(outcome, Rejected) and outcome.code == "compliance")

    def test_the_parts_beside_records_read_without_effect(self, bench: Workbench) -> None:
        connection = bench.connection
        for name, read in (
            ("stages", lambda part: part.read()),
            ("owners", lambda part: part.read()),
            ("behaviours", lambda part: list(part.changed_since(part.kinds, None))),
        ):
            part = getattr(connection, name)
            if hasattr(part, "read") or hasattr(part, "changed_since"):
                read(part)
        assert not bench.sandbox.log.writes()


def _person(bench: Workbench, email_field: str) -> Subject:
    """A person with an address, in the first object that has such a field."""
    object = next(o for o in bench.records.objects if email_field in {field.name for field in bench.fields(o)})
    (id,) = bench.make(object)
    email = f"person-{id}@conformance.example".lower()
    (outcome,) = bench.write(object, [Update(id, {email_field: email}, {})])
    assert isinstance(outcome, Written), outcome
    return Subject(object, id, email)


def _change(bench: Workbench, subject: Subject) -> ConsentChange:
    return ConsentChange(subject, "all", bench.clock.now(), "Preference page")


def _to_all(consents: tuple[Consent, ...]) -> Consent:
    return next(consent for consent in consents if consent.scope == "all")
