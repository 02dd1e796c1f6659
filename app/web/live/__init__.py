"""Live views: what follows the topic of windows, and what it sends to browsers."""
