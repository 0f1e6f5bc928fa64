"""The command line `lego`: one module per group of commands."""
