"""What the account posts to others: which webhook hears of what, and when each delivery is tried (again).

Nothing is posted by itself: `Postman.deliver` posts what is due by the sandbox's clock, to this machine only.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from instep.sandbox import Clock
from instep.settings import is_this_machine
from instep_mailchimp.sandbox.character import MailchimpPersonality

_FORM = "application/x-www-form-urlencoded"
EVENTS = ("subscribe", "unsubscribe", "profile", "cleaned", "upemail", "campaign")
SOURCES = ("user", "admin", "api")


@dataclass(slots=True)
class Webhook:
    """An address that hears of events: those of one audience, or (without one) the end of batches."""

    id: str
    url: str
    list_id: str = ""
    events: dict[str, bool] = field(default_factory=dict)
    sources: dict[str, bool] = field(default_factory=dict)
    secret: str = ""
    enabled: bool = True

    def hears(self, event: str, source: str) -> bool:
        """Whether it is told of an event that came about so; what nobody did is told whatever the sources say."""
        return self.enabled and self.events[event] and (not source or self.sources[source])


@dataclass(slots=True)
class Delivery:
    """One event on its way to one webhook."""

    webhook: Webhook
    body: bytes
    fired: datetime
    due: datetime
    attempts: int = 0


class Postman:
    """Holds deliveries until they are due, and posts them. Whoever calls `add` holds the account's lock."""

    def __init__(self, clock: Clock, lock: threading.RLock) -> None:
        self._clock, self._lock = clock, lock
        self._waiting: list[Delivery] = []

    def add(self, webhook: Webhook, kind: str, data: Mapping[str, object]) -> None:
        """Something happened that a webhook is to hear of."""
        now = self._clock.now()
        fields = {"type": kind, "fired_at": f"{now:%Y-%m-%d %H:%M:%S}", **dict(_flat("data", data))}
        self._waiting.append(Delivery(webhook, urlencode(fields).encode(), now, now))

    def deliver(self, character: MailchimpPersonality) -> int:
        """Post everything that is due; gives how many posts were sent. No lock is held while one is on its way."""
        sent = 0
        while (delivery := self._next()) is not None:
            is_taken = post(delivery.webhook, delivery.body, self._clock.now(), character.webhook_seconds)
            sent += 1
            if not is_taken:
                self._failed(delivery, character)
        return sent

    def _next(self) -> Delivery | None:
        with self._lock:
            self._waiting = [one for one in self._waiting if one.webhook.enabled]
            due = min(self._waiting, key=lambda one: one.due, default=None)
            if due is None or due.due > self._clock.now():
                return None
            self._waiting.remove(due)
            return due

    def _failed(self, delivery: Delivery, character: MailchimpPersonality) -> None:
        with self._lock:
            delivery.attempts += 1
            if delivery.attempts < len(character.webhook_minutes):
                delivery.due = delivery.fired + timedelta(minutes=character.webhook_minutes[delivery.attempts])
                self._waiting.append(delivery)
            elif character.disables_webhooks:
                delivery.webhook.enabled = False


def is_reachable(url: str) -> bool:
    """Whether an address is one that the sandbox posts to: by http, on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and is_this_machine(parts.hostname or "")


def probe(url: str, seconds: float) -> bool:
    """Whether an address answers a GET with 200, as Mailchimp asks before it takes a webhook."""
    return _asked("GET", url, b"", {}, seconds) == 200


def post(webhook: Webhook, body: bytes, at: datetime, seconds: float) -> bool:
    """Whether an address takes a post. Every attempt is signed anew, with its own time."""
    headers = {"Content-Type": _FORM, "User-Agent": "MailChimp"}
    if webhook.secret:
        headers["X-Mailchimp-Signature"] = signature(webhook.secret, body, at)
    return 200 <= _asked("POST", webhook.url, body, headers, seconds) < 300


def signature(secret: str, body: bytes, at: datetime) -> str:
    """The signature of a body: HMAC-SHA256 over the time in seconds, a dot, and the raw bytes."""
    time = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{time}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={time},v1={digest}"


def _asked(method: str, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> int:
    """The status of an answer; 0 where none came in time. Redirects and proxies are not followed."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
    try:
        target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        connection.request(method, target, body or None, dict(headers))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _flat(name: str, value: object) -> Iterator[tuple[str, object]]:
    """Names in brackets, as forms write what lies in each other."""
    if not isinstance(value, Mapping):
        yield name, value
        return
    for key, item in value.items():
        yield from _flat(f"{name}[{key}]", item)
