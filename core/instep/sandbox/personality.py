"""How a sandbox behaves where real services hurt; everything is off unless asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from instep.sandbox.faults import FaultKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Personality:
    """Switches for the unpleasant sides of a vendor; change them with `dataclasses.replace`."""

    rate_limit: int | None = None
    """Calls in ten seconds for each token."""
    search_rate_limit: int | None = None
    """Searches in one second for the whole account."""
    daily_limit: int | None = None
    """Calls in a day for the whole account."""
    retry_after: bool = False
    """Whether a refusal for too many calls says when to come back."""
    index_lag: timedelta | Literal["until_flush"] = timedelta(0)
    """How long the search index takes to hear of a change."""
    normalise: bool = False
    """Trim texts and round amounts to two decimals when storing them."""
    partial_failure: int | None = None
    """Reject every n-th input of batch writes."""
    random_5xx: float = 0.0
    """The share of calls that fail with a server error before anything is applied."""
    timeout_after_commit: frozenset[int] = frozenset()
    """Numbers of write calls (the first is 1) that are applied but never answered."""
    token_expiry: timedelta | None = None
    """How long after its issue any token is accepted."""
    auto_association: bool = False
    """Tie a new person to the company that owns the domain of the e-mail address."""
    shuffle_results: bool = False
    """Answer batches in another order than they were asked."""
    slow_seconds: float = 0.0
    """How long every answer takes, by the sandbox's clock."""
    page_size: int | None = None
    """The most records on one page of a listing, search or query, whatever was asked for."""
    every_call: FaultKind | None = None
    """A fault that befalls each call."""
