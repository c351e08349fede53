"""The doors: the GraphQL view, GraphiQL, health, the command line. HTTP ends here."""
