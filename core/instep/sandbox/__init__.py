"""The server kit on which plugins build imitations of their vendors."""

from instep.sandbox.clock import Clock, SystemClock, VirtualClock
from instep.sandbox.control import Controls, control_routes, load_all, seed_route
from instep.sandbox.faults import Fault, FaultKind, Faults
from instep.sandbox.http import MalformedJsonError, Request, Response
from instep.sandbox.limits import DailyCount, RollingWindow
from instep.sandbox.log import Call, CallLog
from instep.sandbox.opening import State, serving
from instep.sandbox.personality import Personality
from instep.sandbox.routes import Handler, Match, Route, Routes
from instep.sandbox.sandbox import Sandbox, SeededIds
from instep.sandbox.server import CONTROL_PREFIX, SandboxServer, Vendor

__all__ = [
    "CONTROL_PREFIX",
    "Call",
    "CallLog",
    "Clock",
    "Controls",
    "DailyCount",
    "Fault",
    "FaultKind",
    "Faults",
    "Handler",
    "MalformedJsonError",
    "Match",
    "Personality",
    "Request",
    "Response",
    "RollingWindow",
    "Route",
    "Routes",
    "Sandbox",
    "SandboxServer",
    "SeededIds",
    "State",
    "SystemClock",
    "Vendor",
    "VirtualClock",
    "control_routes",
    "load_all",
    "seed_route",
    "serving",
]
