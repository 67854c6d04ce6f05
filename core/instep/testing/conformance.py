"""The class that every connector's tests inherit from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from instep.contract import ConnectorPlugin
from instep.model.values import Scalar
from instep.testing.behaving import BehaviourClaims
from instep.testing.choices import ChoiceClaims
from instep.testing.configuring import ConfiguringClaims
from instep.testing.interrupting import InterruptingClaims
from instep.testing.linking import LinkingClaims
from instep.testing.login import LoginClaims
from instep.testing.looking import LookingClaims
from instep.testing.reading import ReadingClaims
from instep.testing.setup import SetupClaims
from instep.testing.workbench import Workbench, workbench
from instep.testing.writing import WritingClaims


class ConnectorConformance(
    LoginClaims,
    LookingClaims,
    ReadingClaims,
    WritingClaims,
    LinkingClaims,
    SetupClaims,
    BehaviourClaims,
    ChoiceClaims,
    ConfiguringClaims,
    InterruptingClaims,
):
    """Tests every sentence of the contract that applies to `plugin`, against the sandbox that it ships.

    A claim is skipped only where the part is `Absent` (with its reason) or a capability is not declared. A claim
    may be marked as an expected failure with `pytest.mark.xfail(reason=…)`; replacing one is an error.
    """

    plugin: ClassVar[ConnectorPlugin[Any]]

    samples: ClassVar[Mapping[str, Mapping[str, Scalar]]] = {}
    """Fields of a valid record by object, for a system whose field list does not say what it requires.

    `{n}` in a text becomes a number that differs from record to record. Objects that are not listed get the
    required fields that `fields.read` names, and one plain text field.
    """

    key_field: ClassVar[str] = "instep_id"
    """The unique field that creates are found by; it is made where the connection has a `fields` part."""

    own_field: ClassVar[str] = "conformance_{}"
    """How a field of one's own is called there, for a system that has rules for such names."""

    stage_fields: ClassVar[tuple[tuple[str, str], ...]] = ()
    """The (object, field) pairs whose stages the claims about configuring change; else what `stages.read` names."""

    email_field: ClassVar[str] = "email"
    """The field that holds a person's address, for the claims about consent."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        standard = {name for base in ConnectorConformance.__mro__ for name in vars(base) if name.startswith("test_")}
        replaced = sorted(standard & vars(cls).keys())
        if replaced:
            raise TypeError(
                f"{cls.__name__} replaces {', '.join(replaced)}. The standard claims hold for every connector: "
                "make the plugin pass, or mark the class's test as xfail with a reason."
            )

    @pytest.fixture
    def bench(self) -> Iterator[Workbench]:
        """The plugin at work in a fresh sandbox."""
        with workbench(self.plugin, self.samples, self.key_field) as bench:
            yield bench
