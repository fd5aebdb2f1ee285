"""`python -m battle` and the console script `battle`: the same program."""

import sys


def main() -> None:
    """Run the command line and leave with its exit status."""
    from battle.cli.app import run_command_line

    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
