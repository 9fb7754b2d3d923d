"""What everybody shares: errors, files, locks, the class table, reading photos and YAML."""
