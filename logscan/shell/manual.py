"""Manual pages, in the macros of man(7).

They bear the version and no date, so that they change only with what they describe.
"""

import re
from collections.abc import Iterator

from logscan import __version__
from logscan.shell.declared import Argument, Command, Option, Program, program

CONFIG = "logscan.toml"
USER_CONFIG = "$XDG_CONFIG_HOME/logscan/logscan.toml"
COLOURS = (
    ("NO_COLOR", "No colour, unless an option asks for it."),
    ("FORCE_COLOR", "Colour in a pipe, too."),
)
OTHERS = ("grep(1)", "journalctl(1)", "jq(1)")


def pages() -> dict[str, str]:
    """File name -> page, of `logscan` and of each command."""
    whole = program()
    return {f"{_title(command)}.1": _page(command, whole) for command in (whole.root, *whole.commands)}


def _title(command: Command) -> str:
    return f"logscan-{command.name}" if command.name else "logscan"


def _page(command: Command, whole: Program) -> str:
    return "\n".join(
        [
            '.\\" Written by `make docs` from the declarations of the commands.',
            f'.TH {literal(_title(command)).upper()} 1 "" "logscan {__version__}" "logscan manual"',
            ".SH NAME",
            f"{literal(_title(command))} \\- {_text(command.summary[0].lower() + command.summary[1:])}",
            ".SH SYNOPSIS",
            _synopsis(command),
            ".SH DESCRIPTION",
            "\n.PP\n".join(map(_text, command.about)),
            *_arguments(command.arguments),
            *(f".PP\n{_text(note)}" for note in command.notes),
            *([] if command.name else _commands(whole)),
            *_options(command),
            *_examples(command),
            *_exit_status(command),
            *_environment(command),
            *_files(command),
            ".SH SEE ALSO",
            ",\n".join(_see_also(command, whole)),
            "",
        ]
    )


def _synopsis(command: Command) -> str:
    words = ["\\fI" + literal(argument.usage) + "\\fR" for argument in command.arguments]
    if command.name:
        return " ".join([f"\\fBlogscan {command.name}\\fR", "[\\fIOPTION\\fR...]", *words])
    return "\\fBlogscan\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n.br\n" + "\n.br\n".join(
        f"\\fBlogscan\\fR [{' | '.join(literal(name) for name in option.names)}]" for option in command.options
    )


def _arguments(arguments: tuple[Argument, ...]) -> Iterator[str]:
    for argument in arguments:
        yield from (".TP", f"\\fI{literal(argument.value.metavar)}\\fR", _text(argument.help))


def _commands(whole: Program) -> Iterator[str]:
    yield ".SH COMMANDS"
    for command in whole.commands:
        yield from (".TP", f"\\fB{command.name}\\fR", _text(command.about[0]))


def _options(command: Command) -> Iterator[str]:
    """By panel of the help, those that are in none of them first."""
    yield ".SH OPTIONS"
    panels = dict.fromkeys([None, *(option.panel for option in command.options)])
    for panel in panels:
        if panel:
            yield f'.SS "{_text(panel)}"'
        for option in command.options:
            if option.panel == panel:
                yield from (".TP", _names(option), _text(option.help) + _default(option))


def _names(option: Option) -> str:
    value = f" \\fI{literal(option.value.metavar)}\\fR" if option.value else ""
    return ", ".join(f"\\fB{literal(name)}\\fR" for name in (*option.names, *option.off)) + value


def _default(option: Option) -> str:
    return f"\n(Default: {literal(option.default)}.)" if option.default else ""


def _examples(command: Command) -> Iterator[str]:
    if command.examples:
        yield from (".SH EXAMPLES", ".nf", *(literal(line) for line in command.examples), ".fi")


def _exit_status(command: Command) -> Iterator[str]:
    asked = not command.name or any("--exit-code" in option.names for option in command.options)
    meanings = {
        "0": "It ran, whatever was found.",
        **({"1": "There are findings, and `--exit-code` was given."} if asked else {}),
        "2": "An error: a file that cannot be read, a model that cannot be used, a wrong option.",
        "130": "Interrupted.",
    }
    yield ".SH EXIT STATUS"
    for status, meaning in meanings.items():
        yield from (".TP", status, _text(meaning))


def _environment(command: Command) -> Iterator[str]:
    name = command.name.upper() or "COMMAND"
    variables = (
        (f"LOGSCAN_{name}_OPTION", f"What `--option` is where it is not typed, before what `{CONFIG}` says."),
        ("LOGSCAN_CONFIG", f"A file in place of each `{CONFIG}`; /dev/null for none."),
        ("XDG_CONFIG_HOME", f"Where the user's `{CONFIG}` lies, by default ~/.config."),
        ("XDG_STATE_HOME", "Where the findings of the last scan are kept, by default ~/.local/state."),
        *COLOURS,
    )
    yield ".SH ENVIRONMENT"
    for variable, meaning in variables:
        yield from (".TP", f"\\fB{literal(variable)}\\fR", _text(meaning))


def _files(command: Command) -> Iterator[str]:
    table = f"[{command.name}]" if command.name else "the name of a command in brackets"
    files = (
        (
            CONFIG,
            f"Here or in the nearest folder above: options of the project, below {table}, such as `name = value`.",
        ),
        (USER_CONFIG, "The same of the user; what the project says comes before it."),
        ("logscan-accepted.jsonl", "Findings that are known to be fine, see logscan-accept(1)."),
        ("$XDG_STATE_HOME/logscan/findings.jsonl", "The findings of the last scan, for logscan-accept(1)."),
    )
    yield ".SH FILES"
    for file, meaning in files:
        yield from (".TP", f"\\fI{literal(file)}\\fR", _text(meaning))


def _see_also(command: Command, whole: Program) -> Iterator[str]:
    pages = [f"{_title(other)}(1)" for other in (whole.root, *whole.commands) if other != command]
    for page in (*pages, *OTHERS):
        name, _, section = page.partition("(")
        yield f"\\fB{literal(name)}\\fR({section}"


def literal(text: str) -> str:
    """As it is, whatever it holds."""
    marks = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}
    text = "".join(marks.get(letter, letter) for letter in text)
    return f"\\&{text}" if text.startswith(".") else text


def _text(text: str) -> str:
    """A paragraph; what stands between backticks is bold."""
    return re.sub(r"\\\(ga(.+?)\\\(ga", r"\\fB\1\\fR", literal(text))
