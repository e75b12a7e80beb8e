"""Tests of the client room, against real nodes and against servers that misbehave on purpose."""
