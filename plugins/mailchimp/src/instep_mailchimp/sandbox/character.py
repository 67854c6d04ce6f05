"""The switches that only Mailchimp needs, beside those of every sandbox."""

from __future__ import annotations

from dataclasses import dataclass, fields

from instep.sandbox import Personality


@dataclass(frozen=True, slots=True, kw_only=True)
class MailchimpPersonality(Personality):
    """How this account behaves. Points that no source confirms are switches, so that both ways are tested."""

    connections: int = 10
    """So many calls at one time; one more is refused."""
    bare_403: bool = False
    """Refuse too many calls with 403 and no body, as happens at very high volume."""
    bare_429: bool = False
    """Refuse too many calls with 429 and no body."""
    problem_type: bool = True
    """Whether a problem says its `type`; newer answers may not."""
    lists_archived: bool = False
    """Unconfirmed: whether a listing of members that asks for no status holds archived ones."""
    since_is_inclusive: bool = False
    """Unconfirmed: whether `since_last_changed` includes the very second that it names."""
    archived_without_status_revives: bool = False
    """Unconfirmed: whether a write that says no status brings an archived member back."""
    tags_move_last_changed: bool = False
    """Unconfirmed: whether a change of tags moves `last_changed`."""
    checks_choices: bool = True
    """Unconfirmed: whether a value outside a field's choices is refused."""
    batch_seconds: float = 20.0
    """How long a batch takes."""
    batch_operations: int = 1000
    """The most operations of one batch."""
    open_batches: int = 500
    """The most batches that wait."""
    link_seconds: float = 600.0
    """How long the link to the results of a batch is good."""
    batch_webhooks: int = 20
    """Unconfirmed: the most webhooks that hear of the end of batches."""
    webhook_minutes: tuple[float, ...] = (0, 1, 5, 15, 60)
    """When a delivery is tried, in minutes after the event, until it is taken."""
    webhook_seconds: float = 10.0
    """How long a webhook may take to answer, by the machine's clock."""
    disables_webhooks: bool = True
    """Unconfirmed: whether a webhook that failed every try of a delivery is switched off."""
    signs_webhooks: bool = True
    """Whether webhooks of audiences have a signature, which Mailchimp offers for each."""
    stats_seconds: float = 300.0
    """How old the counts of an audience may be."""
    links: bool = True
    """Whether resources have `_links`."""

    @classmethod
    def of(cls, personality: Personality) -> MailchimpPersonality:
        """`personality` itself, or Mailchimp's defaults with its general switches."""
        if isinstance(personality, cls):
            return personality
        return cls(**{item.name: getattr(personality, item.name) for item in fields(Personality)})
