"""The one history of the tables. `docs/records.md` says how it grows."""
