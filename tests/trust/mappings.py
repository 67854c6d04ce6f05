"""How the systems of these stories speak: the starter mappings of HubSpot and Salesforce, and two of our own."""

from __future__ import annotations

PROCESS = 'preset = "b2b-11"\n'

STAGES = ("awareness", "interest", "research", "consideration", "decision", "purchase")
_VALUES = ", ".join(f'{stage} = "{stage}"' for stage in STAGES)
_ALL = '["marketing", "sales", "service", "services"]'

_PERSON = f"""
[person]
objects = ["people"]
create_as = "people"
match = ["instep_id", "email"]
create = "always"
speaks_for = {_ALL}
[person.stages]
field = "stage"
values = {{ {_VALUES} }}
[person.fields]
email = "email"
first_name = "first_name"
last_name = "last_name"
title = "title"
phone = "phone"
instep_stage = {{ field = "exact_stage", direction = "out" }}
[person.relations]
company = "companies"
[person.consent]
scope = "all"
"""

_OTHERS = f"""
[company]
objects = ["companies"]
create_as = "companies"
match = ["instep_id", "domain"]
create = "always"
speaks_for = {_ALL}
[company.fields]
name = "name"
domain = "domain"
phone = "phone"
city = "city"
[opportunity]
objects = ["deals"]
create_as = "deals"
match = ["instep_id"]
create = "always"
speaks_for = {_ALL}
[opportunity.stages]
field = "stage"
values = {{ {_VALUES} }}
outcomes = {{ won = "won", lost = "lost" }}
[opportunity.fields]
name = "name"
amount = {{ field = "amount", currency = "USD" }}
close_date = "close_date"
[opportunity.relations]
company = "companies"
people = "people"
"""

MEMORY = _PERSON + _OTHERS
FILES = _PERSON + 'field = "opted_out"\nout_values = ["yes"]\n' + _OTHERS
