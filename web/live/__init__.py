"""Live baskets: subscriptions over WebSocket, server-sent events and HTTP multipart."""
