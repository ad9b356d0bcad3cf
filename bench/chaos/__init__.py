"""Bad input and bad luck, against a real server: each trial measures, and compares with its goals."""
