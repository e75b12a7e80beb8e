"""Tests of chaindeck.kernel."""
