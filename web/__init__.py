"""The FastAPI application: REST, WebSocket, sessions."""
