"""The transports: GraphQL, REST, downloads, health. HTTP ends here."""
