"""SOQL: statements, what they mean, and how they are answered."""
