"""The doors: the GraphQL view, the documented REST interface, GraphiQL, health, the command line. HTTP ends here."""
