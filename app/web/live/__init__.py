"""Live views: the reader of the topic ``rates``, and the server-sent events that browsers follow."""
