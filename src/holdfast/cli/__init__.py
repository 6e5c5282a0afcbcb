"""The command line: `main` puts it together, a module for each group of commands. Calls operations, decides nothing."""
