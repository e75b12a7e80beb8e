"""What programs ask over HTTP: JSON, described by an OpenAPI document made of the same table."""
