"""What `chaindeck manage` can do with records, beside Django's own."""
