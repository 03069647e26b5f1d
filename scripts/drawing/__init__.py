"""Drawing the demo catalogue."""
