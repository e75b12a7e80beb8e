"""The channel over which open pages and other programs hear what happens."""
