"""What `instep doctor` looks at, before anything is written: one module for each question."""
