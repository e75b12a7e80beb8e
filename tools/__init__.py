"""The programs behind the Makefile: set-up, evidence, coverage floors, mutation."""
