"""What subscribers agreed to: by subscription, and the opt-out from everything."""

from __future__ import annotations

from dataclasses import dataclass, replace

SUBSCRIBED, UNSUBSCRIBED, UNSPECIFIED = "SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED"
LEGAL_BASES = frozenset(
    {
        "LEGITIMATE_INTEREST_PQL",
        "LEGITIMATE_INTEREST_CLIENT",
        "PERFORMANCE_OF_CONTRACT",
        "CONSENT_WITH_NOTICE",
        "NON_GDPR",
        "PROCESS_AND_STORE",
        "LEGITIMATE_INTEREST_OTHER",
    }
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One kind of mail that people may want or not."""

    id: int
    name: str
    description: str
    purpose: str
    is_default: bool = True
    is_internal: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What one person said about one subscription, when and by which way.

    `own` says that the person chose, not a colleague or a program.
    """

    status: str
    at: int
    source: str
    legal_basis: str | None = None
    explanation: str | None = None
    own: bool = False


STARTING = (
    Subscription(101, "Marketing Information", "Marketing offers and updates.", "Marketing"),
    Subscription(102, "One to One", "One to One emails", "One to One"),
    Subscription(103, "Customer Service Communication", "Feedback requests and service notes.", "Service"),
)


class Consents:
    """Every choice of every subscriber; addresses are compared without regard to case."""

    def __init__(self) -> None:
        self.subscriptions = {item.id: item for item in STARTING}
        self._choices: dict[str, dict[int, Choice]] = {}
        self._opted_out: dict[str, Choice] = {}

    def choice(self, email: str, subscription: int) -> Choice | None:
        """What was said about one subscription."""
        return self._choices.get(email.lower(), {}).get(subscription)

    def choose(self, email: str, subscription: int, choice: Choice) -> None:
        """Keep what was said about one subscription."""
        self._choices.setdefault(email.lower(), {})[subscription] = choice

    def opted_out(self, email: str) -> Choice | None:
        """The standing opt-out from everything."""
        return self._opted_out.get(email.lower())

    def opt_out(self, email: str, choice: Choice) -> None:
        """Opt out from everything; a standing opt-out keeps its date."""
        self._opted_out.setdefault(email.lower(), choice)
        for id in self.subscriptions:
            self.choose(email, id, replace(choice, status=UNSUBSCRIBED))

    def lift(self, email: str) -> None:
        """End an opt-out from everything."""
        self._opted_out.pop(email.lower(), None)

    def rename(self, old: str, new: str) -> None:
        """Let a merged subscriber keep the more restrictive choices of both addresses."""
        if (choice := self.opted_out(old)) is not None:
            self.opt_out(new, choice)

    def forget(self, email: str) -> None:
        """Erase a subscriber."""
        self._choices.pop(email.lower(), None)
        self._opted_out.pop(email.lower(), None)

    def everything(self) -> dict[str, object]:
        """All choices, for a snapshot."""
        return {
            "optedOut": sorted(self._opted_out),
            "choices": {
                email: {str(id): choice.status for id, choice in sorted(choices.items())}
                for email, choices in sorted(self._choices.items())
            },
        }
