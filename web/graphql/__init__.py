"""The GraphQL endpoint: the view, the limits of documents, and GraphiQL's page."""
