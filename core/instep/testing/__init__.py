"""What a plugin author needs to prove a connector: one class to inherit from.

```python
from instep.testing import ConnectorConformance
from instep_mailchimp import mailchimp


class TestMailchimp(ConnectorConformance):
    plugin = mailchimp
```
"""

from __future__ import annotations

import pytest

for _module in (
    "login",
    "looking",
    "reading",
    "writing",
    "linking",
    "setup",
    "behaving",
    "choices",
    "configuring",
    "interrupting",
    "stagefields",
    "workbench",
):
    pytest.register_assert_rewrite(f"{__name__}.{_module}")

from instep.testing.behaving import BehaviourHands  # noqa: E402
from instep.testing.conformance import ConnectorConformance  # noqa: E402
from instep.testing.workbench import CountingTransport, Sent, Workbench, workbench  # noqa: E402

__all__ = ["BehaviourHands", "ConnectorConformance", "CountingTransport", "Sent", "Workbench", "workbench"]
