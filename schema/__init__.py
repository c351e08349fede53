"""The declarations of the GraphQL schema; nothing here reads data."""
