"""The hands of the org's admins: users, fields, stages, rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from instep_salesforce.sandbox import customfields
from instep_salesforce.sandbox.birth import put, put_user
from instep_salesforce.sandbox.callers import person
from instep_salesforce.sandbox.errors import not_found
from instep_salesforce.sandbox.ids import normalise
from instep_salesforce.sandbox.rules import DuplicateRule, Predicate, ValidationRule
from instep_salesforce.sandbox.schema import Field, ObjectType, Option, Row, Value
from instep_salesforce.sandbox.stage_hands import StageHands
from instep_salesforce.sandbox.writing import create

_FORMS = {type: form for form, type in reversed(customfields.FORMS.items())}


class SetupHands(StageHands):
    """What admins do in Setup."""

    # --- users -------------------------------------------------------------------------------------------------

    def add_user(self, name: str, email: str, *, active: bool = True, profile: str = "Standard User") -> str:
        """A colleague joins; gives the user's id. One with the profile "Read Only" can change nothing."""
        with self._org.lock:
            return put_user(self._org, self._profile(profile), name, email, active=active)

    def _profile(self, name: str) -> str:
        rows = self._org.tables["Profile"].all()
        found = [str(row["Id"]) for row in rows if row["Name"] == name]
        if not found:
            raise not_found()
        return found[0]

    @property
    def app_user(self) -> str:
        """The id of the user that the app runs as."""
        return self._org.api_user

    def give_profile(self, user: str, profile: str) -> None:
        """An admin gives a user another profile: "System Administrator", "Standard User" or "Read Only"."""
        self._change("User", user, {"ProfileId": self._profile(profile)})

    def deactivate_user(self, id: str) -> None:
        """A colleague leaves; users are never deleted."""
        self._change("User", id, {"IsActive": False})

    def add_queue(self, name: str, objects: Sequence[str] = ("Lead",)) -> str:
        """An admin makes a queue that can own such records; gives its id."""
        with self._org.lock:
            made = put(self._org, "Group", Name=name, DeveloperName=name.replace(" ", "_"), Type="Queue")
            for object in objects:
                put(self._org, "QueueSobject", QueueId=made["Id"], SobjectType=self._org.kind(object).name)
            return str(made["Id"])

    def approve(self, user: str) -> None:
        """An admin lets a user log in by JWT."""
        with self._org.lock:
            self._org.tokens.approved.add(user)

    def log_in(self, user: str) -> str:
        """A user logs in; gives the access token."""
        with self._org.lock:
            return self._org.tokens.issue(user, self._org.id).token

    def expire_tokens(self) -> None:
        """Every session ends."""
        with self._org.lock:
            self._org.tokens.expire_all()

    def lose_locators(self) -> None:
        """The org forgets every query locator."""
        with self._org.lock:
            self._org.cursors.close_all()

    def grant(self, *scopes: str) -> None:
        """An admin gives the app these OAuth scopes; logins from now on have them."""
        with self._org.lock:
            self._org.scope = " ".join(scopes)

    # --- fields ------------------------------------------------------------------------------------------------

    def add_field(self, object: str, name: str, type: str = "Text", **definition: object) -> str:
        """An admin adds a custom field that everybody sees; gives its full name.

        `type` is a word of the Metadata API (`Text`) or of describes (`string`); `definition` may hold `label`,
        `length`, `precision`, `scale`, `unique`, `external_id`, `case_sensitive`, `required`, `default`, `options`
        (values, or pairs of value and label), `restricted`, `refers_to`.
        """
        with self._org.lock:
            kind, form = self._org.kind(object), _FORMS.get(type, type)
            name = name if name.endswith("__c") else f"{name}__c"
            item = customfields.build(self._org, kind, name, form, customfields.plainly(form, definition))
            customfields.add(self._org, kind, item, visible=True)
            return name

    def _field(self, object: str, name: str) -> tuple[ObjectType, Field]:
        kind = self._org.kind(object)
        item = kind.find(name)
        if item is None:
            raise not_found()
        return kind, item

    def hide_field(self, object: str, name: str) -> None:
        """An admin takes a field from all profiles and permission sets: the API sees it no longer."""
        with self._org.lock:
            kind, item = self._field(object, name)
            self._org.visibility.withhold(kind.name, item.name)
            self._org.schema_changed(kind)

    def show_field(self, object: str, name: str) -> None:
        """An admin grants a field to everybody."""
        with self._org.lock:
            kind, item = self._field(object, name)
            self._org.visibility.grant(kind.name, item.name)
            self._org.schema_changed(kind)

    def remove_field(self, object: str, name: str) -> None:
        """An admin deletes a custom field, with all its values."""
        with self._org.lock:
            kind, item = self._field(object, name)
            customfields.remove(self._org, kind, item.name)

    def add_picklist_value(self, object: str, field: str, value: str) -> None:
        """An admin adds a choice to a picklist, or brings a retired one back."""
        if (object, field) == ("Opportunity", "StageName"):
            self.add_stage(value, probability=50)
        elif (object, field) == ("Lead", "Status"):
            self.add_lead_status(value)
        else:
            with self._org.lock:
                kind, item = self._field(object, field)
                others = tuple(option for option in item.options if option.value != value)
                self._org.redefine(kind, replace(item, options=(*others, Option(value, value))))

    def retire_picklist_value(self, object: str, field: str, value: str) -> None:
        """An admin deactivates a choice of a picklist; record types offer it no more."""
        if (object, field) == ("Opportunity", "StageName"):
            self.retire_stage(value)
        elif (object, field) == ("Lead", "Status"):
            self.retire_lead_status(value)
        else:
            with self._org.lock:
                kind, item = self._field(object, field)
                options = tuple(o.retired() if o.value == value else o for o in item.options)
                self._org.redefine(kind, replace(item, options=options))

    # --- campaigns ---------------------------------------------------------------------------------------------

    def add_campaign(self, name: str) -> str:
        """A colleague makes a campaign with the usual member statuses; gives its id."""
        with self._org.lock:
            return create(self._org, self._org.kinds["Campaign"], {"Name": name, "IsActive": True}, person(self._org))

    # --- rules -------------------------------------------------------------------------------------------------

    def add_validation_rule(self, object: str, predicate: Predicate, message: str, field: str | None = None) -> None:
        """An admin refuses records for which `predicate` says True; it is given all fields."""
        with self._org.lock:
            rules = self._org.rules.validations.setdefault(self._org.kind(object).name, [])
            rules.append(ValidationRule(predicate, message, field))

    def add_duplicate_rule(self, object: str, field: str, *, allow_save: bool) -> None:
        """An admin has records compared by a field; `allow_save` warns, otherwise the rule blocks."""
        with self._org.lock:
            kind, item = self._field(object, field)
            rules = self._org.rules.duplicates.setdefault(kind.name, [])
            rules.append(DuplicateRule(f"{kind.name}_{item.name}_Duplicate_Rule", item.name, allow_save))

    def assignment_rule(self, object: str, owner_id: str | None) -> None:
        """An admin has an owner assigned to new and changed records, or ends that (None)."""
        with self._org.lock:
            kind = self._org.kind(object)
            table = self._org.tables["AssignmentRule"]
            for row in table.all():
                if row["SobjectType"] == kind.name:
                    table.remove(str(row["Id"]))
            self._org.rules.assignments.pop(kind.name, None)
            if owner_id is not None:
                self._org.rules.assignments[kind.name] = owner_id
                put(self._org, "AssignmentRule", Name="Standard", SobjectType=kind.name, Active=True)

    def add_trigger(self, object: str, trigger: Callable[[Mapping[str, Value]], Mapping[str, Value]]) -> None:
        """A developer has code run on every save: it is given all fields and gives those it changes."""
        with self._org.lock:
            self._org.rules.triggers.setdefault(self._org.kind(object).name, []).append(trigger)

    def track(self, object: str, *fields: str) -> None:
        """An admin chooses of which fields the history is kept."""
        with self._org.lock:
            self._org.rules.tracked[self._org.kind(object).name] = frozenset(fields)

    def lock_rows(self, object: str, ids: Iterable[str], attempts: int = 1) -> None:
        """A long transaction holds records: so many attempts to change each of them fail."""
        with self._org.lock:
            self._org.kind(object)
            self._org.rules.locks.update({normalise(id) or "": attempts for id in ids})

    def lock_component(self, type: str, full_name: str, attempts: int = 1) -> None:
        """A colleague deploys a component just now: so many attempts to change it by the Metadata API fail."""
        with self._org.lock:
            self._org.rules.locks[f"{type}:{full_name}"] = attempts

    def _change(self, object: str, id: str, values: Row) -> None:
        with self._org.lock:
            table = self._org.tables[object]
            row = table.live(normalise(id) or "")
            if row is None:
                raise not_found()
            now = self._org.stamp()
            table.change(row, {**values, "LastModifiedDate": now, "SystemModstamp": now})
