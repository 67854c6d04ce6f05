"""Replay: what changed files would have made of everybody whom the state knows. Changes nothing."""

from instep.sync.replay.run import Replay, replay

__all__ = ["Replay", "replay"]
