"""People: signing in and out, passwords, profiles, sessions, tokens."""
