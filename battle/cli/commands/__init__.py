"""The commands as one types them: their arguments and options, each in a file of its own.

Importing them costs little: what a command does is in the module of the same name in `battle.cli`, which is imported
when the command is run, so that `battle --help` waits for no database.
"""
