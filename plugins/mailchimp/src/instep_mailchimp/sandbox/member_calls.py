"""Members: listing, reading, creating, changing, archiving, forgetting, and their tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from instep.sandbox import Request, Response, Route
from instep_mailchimp.sandbox.account import Account
from instep_mailchimp.sandbox.audience import Audience, Member, iso, subscriber_hash
from instep_mailchimp.sandbox.errors import ProblemError, forgotten, invalid, member_exists, not_found
from instep_mailchimp.sandbox.merging import merged
from instep_mailchimp.sandbox.shaping import Shown, answer, body, linked, moment, page

MEMBERS = "/3.0/lists/{list_id}/members"
MEMBER = MEMBERS + "/{member}"
_STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_EMAIL_TYPES = ("html", "text")
_MOST_AT_ONCE = 500


class MemberCalls:
    """The calls about the members of an audience."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Iterator[Route]:
        """Every operation."""
        yield Route("GET", MEMBERS, self.listing, "members.list")
        yield Route("POST", MEMBERS, self.create, "members.create")
        yield Route("GET", MEMBER, self.read, "members.read")
        yield Route("PUT", MEMBER, self.put, "members.put")
        yield Route("PATCH", MEMBER, self.patch, "members.update")
        yield Route("DELETE", MEMBER, self.archive, "members.archive")
        yield Route("POST", MEMBER + "/actions/delete-permanent", self.forget, "members.forget")
        yield Route("GET", MEMBER + "/tags", self.list_tags, "members.tags")
        yield Route("POST", MEMBER + "/tags", self.change_tags, "members.tags.change")
        yield Route("POST", "/3.0/lists/{list_id}", self.many, "members.many")
        yield Route("GET", "/3.0/search-members", self.search, "members.search")

    # --- reading -------------------------------------------------------------------------------------------------

    def listing(self, request: Request) -> Response:
        audience = self._account.audience(request.params["list_id"])
        rows = [member for member in audience.members.values() if self._is_wanted(request, member)]
        if (field := request.one("sort_field")) is not None:
            if field not in ("timestamp_opt", "timestamp_signup", "last_changed"):
                raise invalid("sort_field", "This value is not one of the choices.")
            rows.sort(key=lambda member: iso(getattr(member, field)), reverse=request.one("sort_dir") == "DESC")
        found = page(request, "members", rows, audience.shown, self._account.personality)
        return answer(request, {**found, "list_id": audience.id})

    def _is_wanted(self, request: Request, member: Member) -> bool:
        status = request.one("status")
        if status is None and member.status == "archived" and not self._account.personality.lists_archived:
            return False
        if status is not None and status not in (*_STATUSES, "archived"):
            raise invalid("status", "This value is not one of the choices.")
        since, before = moment(request, "since_last_changed"), moment(request, "before_last_changed")
        return (
            status in (None, member.status)
            and request.one("unique_email_id") in (None, member.unique_email_id)
            and request.one("email_type") in (None, member.email_type)
            and (member.vip or not request.flag("vip_only"))
            and _has_interests(request, member)
            and (since is None or self._is_after(member.last_changed, since))
            and (before is None or member.last_changed < before)
        )

    def _is_after(self, at: datetime, since: datetime) -> bool:
        return at >= since if self._account.personality.since_is_inclusive else at > since

    def read(self, request: Request) -> Response:
        audience, member = self._found(request)
        return self._told(request, audience, member)

    def search(self, request: Request) -> Response:
        word = (request.one("query") or "").lower()
        found: list[Shown] = []
        for audience in self._account.audiences.values():
            if request.one("list_id") in (None, audience.id):
                found += [audience.shown(m) for m in audience.members.values() if word in m.email.lower()]
        exact = [shown for shown in found if str(shown["email_address"]).lower() == word]
        return answer(
            request,
            {
                "exact_matches": {"members": exact, "total_items": len(exact)},
                "full_search": {"members": found, "total_items": len(found)},
            },
        )

    # --- writing -------------------------------------------------------------------------------------------------

    def create(self, request: Request) -> Response:
        audience, given = self._account.audience(request.params["list_id"]), body(request)
        email = _address(given)
        if given.get("status") not in _STATUSES:
            raise invalid("status", "This value is not one of the choices.")
        known = audience.find(email)
        if known is not None and known.status != "archived":
            raise member_exists(email)
        if known is not None:
            return self._changed(request, audience, known, given)
        return self._made(request, audience, email, str(given["status"]), given)

    def put(self, request: Request) -> Response:
        audience, given = self._account.audience(request.params["list_id"]), body(request)
        email = _address(given)
        known = audience.find(request.params["member"])
        if known is None and audience.find(email) is not None:
            raise member_exists(email)  # the hash of another spelling
        if known is not None:
            return self._changed(request, audience, known, given)
        status = given.get("status", given.get("status_if_new"))
        if status not in _STATUSES:
            raise invalid("status_if_new", "This value is not one of the choices.")
        return self._made(request, audience, email, str(status), given)

    def patch(self, request: Request) -> Response:
        audience, member = self._found(request)
        return self._changed(request, audience, member, body(request))

    def archive(self, request: Request) -> Response:
        audience, member = self._found(request)
        if member.status != "archived":
            self._account.archive(audience, member, "api")
        return Response(204)

    def forget(self, request: Request) -> Response:
        audience, member = self._found(request)
        self._account.forget(audience, member, "api")
        return Response(204)

    def many(self, request: Request) -> Response:
        """Up to 500 members at once; each that is refused is told in a row of its own."""
        audience, given = self._account.audience(request.params["list_id"]), body(request)
        rows = given.get("members")
        if not isinstance(rows, list) or len(rows) > _MOST_AT_ONCE:
            raise invalid("members", f"This collection should contain {_MOST_AT_ONCE} elements or less.")
        told: dict[str, list[Shown]] = {"new_members": [], "updated_members": [], "errors": []}
        seen: set[str] = set()
        for row in rows:
            email = str(row.get("email_address", ""))
            is_again = subscriber_hash(email) in seen
            seen.add(subscriber_hash(email))
            if is_again and request.flag("skip_duplicate_check"):
                continue
            try:
                if is_again:
                    raise member_exists(email)
                kind, member = self._one_of_many(request, audience, given, row)
                told[kind].append(audience.shown(member))
            except ProblemError as problem:
                told["errors"].append(_row_error(email, problem))
        names = {"total_created": "new_members", "total_updated": "updated_members", "error_count": "errors"}
        return answer(request, {**told, **{total: len(told[name]) for total, name in names.items()}})

    def _one_of_many(self, request: Request, audience: Audience, given: Shown, row: Shown) -> tuple[str, Member]:
        lenient, email = request.flag("skip_merge_validation"), _address(row)
        status = row.get("status", "subscribed")
        if status not in _STATUSES:
            raise invalid("status", "This value is not one of the choices.")
        known = audience.find(email)
        if known is None:
            return "new_members", self._new(audience, email, str(status), row, lenient)
        if not given.get("update_existing"):
            raise member_exists(email)
        self._apply(audience, known, row, lenient)
        if given.get("sync_tags"):
            for name in set(known.tags) - set(row.get("tags", ())):
                self._account.change_tag(audience, name, [known], has=False)
        for name in row.get("tags", ()):
            self._account.change_tag(audience, str(name), [known], has=True)
        return "updated_members", known

    def _made(self, request: Request, audience: Audience, email: str, status: str, given: Shown) -> Response:
        made = self._new(audience, email, status, given, request.flag("skip_merge_validation"))
        return self._told(request, audience, made)

    def _new(self, audience: Audience, email: str, status: str, given: Shown, lenient: bool) -> Member:
        if subscriber_hash(email) in audience.forgotten:
            raise forgotten(email)
        values = merged(audience, {}, given.get("merge_fields", {}), self._account.personality, lenient=lenient)
        _check_plain(audience, given)
        made = self._account.add_member(audience, email, status, "API - Generic")
        made.merge = values
        if status == "unsubscribed":
            made.ended_by, made.reason = "api", "N/A"
        if status == "subscribed":
            made.timestamp_opt = self._account.now()
        _take_plain(made, given)
        for tag in given.get("tags", ()):
            self._account.add_tag(audience, str(tag))
            made.tags[str(tag)] = self._account.now()
        self._account.tell_new(audience, made, "api")
        return made

    def _changed(self, request: Request, audience: Audience, member: Member, given: Shown) -> Response:
        self._apply(audience, member, given, request.flag("skip_merge_validation"))
        return self._told(request, audience, member)

    def _apply(self, audience: Audience, member: Member, given: Shown, lenient: bool) -> None:
        """Everything is checked before anything is changed."""
        email = _address(given) if "email_address" in given else member.email
        holder = audience.find(email)
        if holder not in (None, member):
            raise member_exists(email)
        if subscriber_hash(email) in audience.forgotten:
            raise forgotten(email)
        values = member.merge
        if "merge_fields" in given:
            values = merged(audience, member.merge, given["merge_fields"], self._account.personality, lenient=lenient)
        _check_plain(audience, given)
        status = given.get("status")
        if status is not None and status not in _STATUSES:
            raise invalid("status", "This value is not one of the choices.")
        if status is not None:
            self._account.set_status(audience, member, str(status), "api")
        elif member.status == "archived" and self._account.personality.archived_without_status_revives:
            member.status = "subscribed"
        before, old_email = _profile(member), member.email
        member.email, member.merge = email, values
        _take_plain(member, given)
        if before != _profile(member):
            self._account.touch(member)
            self._account.tell_changed(audience, member, old_email, "api")

    # --- tags ----------------------------------------------------------------------------------------------------

    def list_tags(self, request: Request) -> Response:
        audience, member = self._found(request)
        rows = list(member.tags.items())

        def show(row: tuple[str, datetime]) -> Shown:
            return {"id": audience.tags[row[0]], "name": row[0], "date_added": iso(row[1])}

        character = self._account.personality
        found = page(request, "tags", rows, show, character)
        return answer(request, {"tags": [_bare(tag) for tag in found["tags"]], "total_items": found["total_items"]})

    def change_tags(self, request: Request) -> Response:
        audience, member = self._found(request)
        tags = body(request).get("tags")
        if not isinstance(tags, list):
            raise invalid("tags", "Schema describes array, NULL found instead")
        for tag in tags:
            if not tag.get("name") or tag.get("status") not in ("active", "inactive"):
                raise invalid("tags", "This value is not one of the choices.")
        for tag in tags:
            self._account.change_tag(audience, str(tag["name"]), [member], has=tag["status"] == "active")
        return Response(204)

    # --- common --------------------------------------------------------------------------------------------------

    def _found(self, request: Request) -> tuple[Audience, Member]:
        audience = self._account.audience(request.params["list_id"])
        member = audience.find(request.params["member"])
        if member is None:
            raise not_found()
        return audience, member

    def _told(self, request: Request, audience: Audience, member: Member) -> Response:
        return answer(request, linked(audience.shown(member), request, self._account.personality))


def _row_error(email: str, problem: ProblemError) -> Shown:
    first = dict(problem.errors[0]) if problem.errors else {"field": "", "message": ""}
    return {
        "email_address": email,
        "error": problem.detail,
        "error_code": "ERROR_CONTACT_EXISTS" if problem.title == "Member Exists" else "ERROR_GENERIC",
        "field": first["field"],
        "field_message": first["message"],
    }


def _address(given: Shown) -> str:
    email = given.get("email_address")
    if not isinstance(email, str) or not email:
        raise invalid("email_address", "Schema describes string, NULL found instead")
    if not _ADDRESS.fullmatch(email):
        detail = f"{email} looks fake or invalid, please enter a real email address."
        raise ProblemError(400, "Invalid Resource", detail)
    return email


def _profile(member: Member) -> tuple[object, ...]:
    """What moves `last_changed` when it changes."""
    interests = dict(member.interests)
    return member.email, member.merge, member.vip, member.language, member.email_type, interests


def _has_interests(request: Request, member: Member) -> bool:
    """Whether the interests fit that a listing asks for. Category, ids and match go together."""
    ids, match = request.many("interest_ids"), request.one("interest_match")
    if bool(ids) is not bool(match) or match not in (None, "any", "all", "none"):
        raise invalid("interest_match", "This value is not one of the choices.")
    ticked = [member.interests.get(id, False) for id in ids]
    return {None: True, "any": any(ticked), "all": all(ticked), "none": not any(ticked)}[match]


def _check_plain(audience: Audience, given: Shown) -> None:
    if "vip" in given and not isinstance(given["vip"], bool):
        raise invalid("vip", "Schema describes boolean, but another type was found instead")
    if "email_type" in given and given["email_type"] not in _EMAIL_TYPES:
        raise invalid("email_type", "This value is not one of the choices.")
    for name in ("language", "ip_signup", "ip_opt"):
        if name in given and not isinstance(given[name], str):
            raise invalid(name, "Schema describes string, NULL found instead")
    for id, ticked in given.get("interests", {}).items():
        if not isinstance(ticked, bool):
            raise invalid(f"interests.{id}", "Schema describes boolean, but another type was found instead")
        if id not in audience.interests:
            raise ProblemError(400, "Invalid Resource", f"Invalid interest ID: '{id}'.")


def _take_plain(member: Member, given: Shown) -> None:
    member.vip = bool(given.get("vip", member.vip))
    member.language = str(given.get("language", member.language))
    member.email_type = str(given.get("email_type", member.email_type))
    for name in ("timestamp_signup", "timestamp_opt"):
        if given.get(name):
            setattr(member, name, datetime.fromisoformat(str(given[name]).replace("Z", "+00:00")))
    member.interests |= given.get("interests", {})


def _bare(shown: Shown) -> Shown:
    return {name: value for name, value in shown.items() if name != "_links"}
