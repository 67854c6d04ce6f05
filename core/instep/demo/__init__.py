"""The demo: an invented software vendor, brought in step from the first sync to the last comparison."""
