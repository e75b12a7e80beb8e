"""What people see: each page a thin view over selectors, rendered whole by the server."""
