"""The commands of `steplabel`, one file each, named by `flows.cli.COMMANDS`."""
