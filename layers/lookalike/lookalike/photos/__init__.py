"""Photos: where they are, how they are decoded, and how they are embedded."""
