"""What is checked of a plan before anything is done: one module for each question.

A validator is given a `View` and yields findings. What is wrong keeps a plan from being applied; a warning is worth a
look. Plugins bring further ones by the hook `instep_validators`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from instep.provision.validators import (
    absent,
    details,
    disagreements,
    fields,
    in_use,
    labels,
    lens,
    offers,
    people,
    permissions,
    rising,
    sizes,
    unshown,
    unwanted,
)
from instep.provision.validators.view import View
from instep.sync.health.finding import Finding

Validator = Callable[[View], Iterator[Finding]]

VALIDATORS: tuple[Validator, ...] = (
    absent.check,
    fields.check,
    labels.check,
    sizes.check,
    details.check,
    disagreements.check,
    lens.check,
    in_use.check,
    permissions.check,
    unshown.check,
    unwanted.check,
    rising.check,
    people.check,
    offers.check,
)
"""In the order in which their findings are shown: what is wrong first."""
