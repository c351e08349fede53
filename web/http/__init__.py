"""HTTP for both interfaces: bodies, JSON, authentication, rate limits, the protocol, errors."""
