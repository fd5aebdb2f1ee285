"""`python -m battle` and the console script `battle`: the same program."""

import sys


def main() -> None:
    """Run the command line and leave with its exit status."""
    from battle.cli.exit_status import INTERRUPTED, WRONG_USE
    from battle.process_limits import MachineError, require_minimum

    try:
        require_minimum()
    except MachineError as error:
        print(f"battle: {error}", file=sys.stderr)
        sys.exit(WRONG_USE)
    try:  # around the imports too: they are most of what a short command does
        from battle.cli.app import run_command_line

        status = run_command_line(sys.argv[1:])
    except KeyboardInterrupt:
        status = INTERRUPTED
    except (
        Exception
    ) as error:  # an import that fails, say: the interpreter would leave with 1, which means FAIL
        import traceback

        traceback.print_exception(error)
        status = WRONG_USE
    sys.exit(status)


if __name__ == "__main__":
    main()
