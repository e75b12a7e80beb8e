"""Tests that start real processes and speak to them as a stranger would."""
