"""The switches that only HubSpot needs, beside those of every sandbox."""

from __future__ import annotations

from dataclasses import dataclass, fields

from instep.sandbox import Personality


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSpotPersonality(Personality):
    """How this HubSpot account behaves."""

    lifecycle_forward_only: bool = True
    """Silently ignore API writes that move a lifecycle stage back."""
    lifecycle_automation: bool = False
    """Move contacts and companies to opportunity or customer when their deals are created or won."""
    lifecycle_options_by_api: bool = False
    """Let API calls change the lifecycle stages, as some accounts do."""
    whole_number_targets: bool = False
    """Answer association reads with ids as numbers, as early versions did."""

    @classmethod
    def of(cls, personality: Personality) -> HubSpotPersonality:
        """`personality` itself, or HubSpot's defaults with its general switches."""
        if isinstance(personality, cls):
            return personality
        return cls(**{item.name: getattr(personality, item.name) for item in fields(Personality)})
