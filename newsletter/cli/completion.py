"""`newsletter completion`: the script that teaches a shell our commands, issues, editions and sources."""

import click
from click.shell_completion import get_completion_class

from newsletter.cli.common import speaking
from newsletter.cli.ui import Ui

HOW = {
    "bash": 'eval "$(newsletter completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(newsletter completion zsh)"   # in ~/.zshrc',
    "fish": "newsletter completion fish > ~/.config/fish/completions/newsletter.fish",
    "powershell": "newsletter completion powershell | Out-String | Invoke-Expression   # in $PROFILE",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(HOW)))
@speaking
def command(ui: Ui, root: str | None, shell: str) -> int:
    """Print a completion script for SHELL.

    Example: eval "$(newsletter completion bash)"
    """
    from newsletter.cli import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this version of click knows no completion for {shell}")
    script = kind(cli, {}, "newsletter", "_NEWSLETTER_COMPLETE").source()
    ui.answer({"shell": shell, "script": script}, [[line] for line in script.splitlines()])
    if ui.on_terminal:
        ui.say(f"To use it: {HOW[shell]}")
    return 0
