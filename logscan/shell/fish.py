"""The completion script for fish, from 3.0 on."""

from collections.abc import Iterator

from logscan.shell.declared import Option, Program, Value

HEAD = """\
# fish completion of logscan, written by `make docs` from its options.

function __logscan_in # whether this command is typed, or none yet
    set -l words (commandline -opc)
    for word in $words[2..]
        if not string match -q -- '-*' $word
            test "$word" = "$argv[1]"
            return
        end
    end
    test -z "$argv[1]"
end

complete -c logscan -f
"""


def script(program: Program) -> str:
    """The text of the script."""
    return HEAD + "".join(f"complete -c logscan {words}\n" for words in _lines(program))


def _lines(program: Program) -> Iterator[str]:
    first = "-n __logscan_in"
    for option in program.root.options:
        yield from (f"{first} {words}" for words in _option(option))
    for command in program.commands:
        yield f"{first} -a {command.name} -d {_quoted(command.summary)}"
    for command in program.commands:
        inside = f"-n '__logscan_in {command.name}'"
        for option in command.options:
            yield from (f"{inside} {words}" for words in _option(option))
        for argument in command.arguments:
            value = argument.value
            if value.choices or value.place:
                yield f"{inside} {_values(value) if value.choices or value.place == 'folder' else '-F'}"


def _option(option: Option) -> Iterator[str]:
    """A line, and one more for what switches it off again."""
    value = f" {_taken(option.value)}" if option.value else ""
    yield f"{' '.join(map(_name, option.names))}{value} -d {_quoted(option.help)}"
    for off in option.off:
        yield f"{_name(off)} -d {_quoted(f'Not {option.names[-1]}.')}"


def _taken(value: Value) -> str:
    """-x: needs a value, which is no file; -r -F: needs one, which is."""
    if value.choices or value.place == "folder":
        return f"-x {_values(value)}"
    return "-r -F" if value.place == "file" else "-x"


def _values(value: Value) -> str:
    words = " ".join(value.choices)
    if value.listed:
        return f"-a '(__fish_append , {words})'"
    return f"-a {_quoted(words)}" if words else "-a '(__fish_complete_directories)'"


def _name(name: str) -> str:
    return f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
