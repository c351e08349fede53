"""What the tests share: services, processes, clients, generators."""
