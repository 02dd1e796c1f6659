"""From a payload of any SDK to one event, scrubbed and corrected."""
