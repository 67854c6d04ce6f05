"""Tasks and events."""

from __future__ import annotations

from instep_salesforce.sandbox.standard.making import AUDIT, make

_SHARED = f"""
Id id [dL]; WhoId reference→Contact/Lead [CU]; WhatId reference→Account/Opportunity/Campaign [CU];
Subject combobox(255) [CU]; ActivityDate date [CU]; OwnerId reference→User/Group [CUd];
Description textarea(32000) [CUx]; IsDeleted boolean [d]; AccountId reference→Account; IsArchived boolean [d];
IsReminderSet boolean [CUd]; ReminderDateTime datetime [CU]; {AUDIT}
"""
TASK = f"""
{_SHARED} Status picklist(255) [CUd]; Priority picklist(255) [CUd]; IsHighPriority boolean [d];
IsClosed boolean [d]; Type picklist(40) [CU]; TaskSubtype picklist(40) [C]; CallDurationInSeconds int [CU];
CallType picklist(40) [CU]; CallDisposition string(255) [CU]; CallObject string(255) [CU];
CompletedDateTime datetime;
"""
EVENT = f"""
{_SHARED} Location string(255) [CU]; IsAllDayEvent boolean [CUd]; ActivityDateTime datetime [CU];
StartDateTime datetime [CU]; EndDateTime datetime [CU]; EndDate date; DurationInMinutes int [CU];
Type picklist(40) [CU]; IsPrivate boolean [CUd]; ShowAs picklist(40) [CUd]; EventSubtype picklist(40) [C];
"""

OBJECTS = (
    make("Task", "00T", TASK, name_field="Subject"),
    make("Event", "00U", EVENT, name_field="Subject"),
)
