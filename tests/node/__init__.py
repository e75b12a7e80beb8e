"""Tests of the node: its service, miner, feed, settings and process."""
