"""A pytest plugin for runs against seeded faults: that a property fails is all that matters, not by how little."""

from __future__ import annotations

from hypothesis import Phase, settings

settings.register_profile("unshrunk", phases=[Phase.explicit, Phase.generate])
settings.load_profile("unshrunk")
