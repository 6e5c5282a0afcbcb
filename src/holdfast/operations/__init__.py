"""What the product does: backup, browsing, export, compare, verify, rebuild. Command line and API call the same."""
