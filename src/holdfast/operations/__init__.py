"""What the product does: backup, browsing, export, compare, verify, rebuild. Called by the command line and the API alike."""
