"""The command line: one module a command; it opens what the command needs, calls one flow, prints."""

import importlib
import os
import sys
from typing import Any

import click

from newsletter import __version__
from newsletter.errors import InputError, Mistake, NewsletterError, cannot_write, describe_fault, is_no_space

# name → (module, one line for --help); `module:name` where a module holds several. The module is loaded
# when its command is called, so that --help is quick.
COMMANDS = {
    "init": ("newsletter.cli.init", "Make a new workspace with samples."),
    "collect": ("newsletter.cli.collect", "Fetch feeds, or take in a paste or file."),
    "draft": ("newsletter.cli.draft", "Make an issue of the collected posts."),
    "build": ("newsletter.cli.build", "Render an issue: mail, text, archive, feeds."),
    "explain": ("newsletter.cli.explain", "Say why a post got its theme."),
    "themes": ("newsletter.cli.themes", "How well posts are sorted, and which themes are missing."),
    "subscribers": ("newsletter.cli.subscribers", "The audience: import, export, add, show, unsubscribe, forget."),
    "preview": ("newsletter.cli.preview", "Show an issue in the browser, kept up to date."),
    "screenshot": ("newsletter.cli.screenshot", "Put an issue on one picture, as readers see it."),
    "check": ("newsletter.cli.check", "Look at an issue as it would go out."),
    "approve": ("newsletter.cli.approve", "Let an issue go out as it is, and not otherwise."),
    "send": ("newsletter.cli.send", "Send an issue to everyone who asked for it, once."),
    "rehearse": ("newsletter.cli.rehearse", "Send to a server that misbehaves and mails nobody."),
    "status": ("newsletter.cli.issues:status", "Show the books of what was sent."),
    "verify": ("newsletter.cli.issues:verify", "Recount the books row by row."),
    "pause": ("newsletter.cli.issues:pause", "Let nothing more of an issue leave."),
    "resume": ("newsletter.cli.issues:resume", "Lift a pause."),
    "cancel": ("newsletter.cli.issues:cancel", "Take back what has not left yet."),
    "resend": ("newsletter.cli.issues:resend", "Plan an issue anew for those who missed it."),
    "doctor": ("newsletter.cli.doctor", "Say what is wrong with this installation, and how to mend it."),
    "schedule": ("newsletter.cli.schedule", "Show what goes out when, and what became of it."),
    "serve": ("newsletter.cli.serve", "Public pages, calendar and sender in one process."),
    "backup": ("newsletter.cli.backup:backup", "Put everything that cannot be made again into one file."),
    "restore": ("newsletter.cli.backup:restore", "Put a backup back; nothing is sent until you say so."),
    "completion": ("newsletter.cli.completion", "Print a completion script for your shell."),
}

EXIT_CODES = """
Exit codes: 0 done, 1 failed, 2 usage, 3 settings or input invalid, 4 checks failed, 5 partly done, 6 nothing to do,
69 service unavailable, 130 interrupted.
"""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module and give its command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name or "command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's, with "Did you mean" for a lazy group too."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.NoSuchCommand(args[0], possibilities=list(COMMANDS), ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, "--version", prog_name="newsletter", message="%(prog)s %(version)s")
@click.option("--workspace", metavar="DIR", help="The folder with newsletter.toml (default: the nearest above).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout and nothing else there.")
@click.option("--quiet", is_flag=True, help="Only data and errors.")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.pass_context
def cli(ctx: click.Context, /, **options: Any) -> None:
    """A newsletter desk that lives in a folder.

    Example: newsletter collect && newsletter draft && newsletter build --open
    """
    ctx.obj = options


def main() -> None:
    """Run the command line; the exit codes are those of `newsletter --help`."""
    from newsletter.cli.ui import make_streams_forgiving

    make_streams_forgiving()
    sys.exit(_flush(run(sys.argv[1:])))


def _flush(code: int) -> int:
    """Write the last of the output now, where it can still be told that it cannot be written → the exit code."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return _tell_output(error)
    return code


def _tell_output(error: OSError) -> int:
    """Standard output cannot be written, so no more is tried: the interpreter would fail at its end, with a code of its own."""
    from newsletter.cli.ui import STDOUT, tell_error

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):  # else whoever read it has gone
        tell_error(cannot_write(STDOUT, error), as_json=False)
    return 1


def _tell_system(error: OSError) -> NewsletterError | None:
    """What the system refuses is no fault of the program: a full disk, a file that is not ours. None: nobody can tell."""
    file = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    if is_no_space(error):
        return cannot_write(file, error)
    if file:
        return InputError(Mistake(code="NL027", file=file, message=f"cannot be used: {error.strerror}"))
    if str(error).find("temporary directory") > 0:  # `tempfile`, where it could write none of its candidates
        return InputError(
            Mistake(code="NL027", message="no folder for temporary files can be written", help="set TMPDIR")
        )
    return None


def run(arguments: list[str]) -> int:
    """Run with these arguments → the exit code. What goes wrong is told here, in one place."""
    from newsletter.cli.ui import STDOUT, tell_error

    as_json = "--json" in arguments
    try:
        code = cli.main(arguments, prog_name="newsletter", standalone_mode=False)
    except NewsletterError as error:
        tell_error(error, as_json=as_json)
        return error.exit_status
    except click.ClickException as error:
        if as_json:
            tell_error(NewsletterError(Mistake(code="NL002", message=error.format_message())), as_json=True)
        else:
            error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        if isinstance(error, click.Abort) and not isinstance(error.__cause__, KeyboardInterrupt):
            sys.stderr.write("nothing was done\n")  # a question was answered with no
            return 130
        sys.stderr.write("interrupted; what was written is whole, run the same command again to go on\n")
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone; there is nobody to tell
        return 1
    except Exception as error:
        if "--debug" in arguments:
            raise
        if isinstance(error, OSError) and error.filename == STDOUT:
            return _tell_output(error)
        if isinstance(error, OSError) and (told := _tell_system(error)):
            tell_error(told, as_json=as_json)
            return told.exit_status
        message = f"this is a fault of the program ({describe_fault(error)}); run it again with --debug to see more"
        tell_error(NewsletterError(Mistake(code="NL099", message=message)), as_json=as_json)
        return 1
    return code if isinstance(code, int) else 0
