"""The real program with real clients, real servers in front of it and real signals."""
