"""A new connector: the package that the guide for integrators builds, under another name."""
