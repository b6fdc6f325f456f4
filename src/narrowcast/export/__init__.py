"""The integer model for other hardware and other tools."""
