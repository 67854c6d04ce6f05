"""A stateful imitation of Salesforce's HTTP API on loopback, which simple-salesforce talks to."""
