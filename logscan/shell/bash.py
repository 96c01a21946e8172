"""The completion script for bash, from 3.2 (of macOS) on; it needs no bash-completion."""

from collections.abc import Iterable

from logscan.shell.declared import Command, Option, Program, Value

SCRIPT = """\
# bash completion of logscan, written by `make docs` from its options.

_logscan_words() { # words between which there are spaces, that begin as $2
    local word IFS=' '
    for word in $1; do
        [[ $word == "$2"* ]] && COMPREPLY+=("$word")
    done
}

_logscan_list() { # the same, after those that are there already, with commas between
    local before=""
    [[ $2 == *,* ]] && before="${2%%,*},"
    _logscan_words "$1" "${2##*,}"
    COMPREPLY=("${COMPREPLY[@]/#/$before}")
}

_logscan_paths() { # $1: files, or folders alone
    local path
    compopt -o filenames 2>/dev/null # bash 3 has none
    while IFS= read -r path; do
        COMPREPLY+=("$path")
    done < <(if [[ $1 == folder ]]; then compgen -d -- "$2"; else compgen -f -- "$2"; fi)
}

_logscan() {
    local word="${COMP_WORDS[COMP_CWORD]}" before="" command="" at=1
    ((COMP_CWORD)) && before="${COMP_WORDS[COMP_CWORD - 1]}"
    COMPREPLY=()
    if [[ $word == = ]]; then # bash takes --color=auto for three words
        word=""
    elif [[ $before == = ]]; then
        before="${COMP_WORDS[COMP_CWORD - 2]}"
    fi
    for ((; at < COMP_CWORD; at++)); do
        [[ ${COMP_WORDS[at]} != -* ]] && command="${COMP_WORDS[at]}" && break
    done
    case "$command" in
@commands@
    esac
} && complete -F _logscan logscan
"""


def script(program: Program) -> str:
    """The text of the script."""
    parts = [_case("", program.root, " ".join(command.name for command in program.commands))]
    parts += [_case(command.name, command) for command in program.commands]
    return SCRIPT.replace("@commands@", "\n".join(parts))


def _case(name: str, command: Command, words: str = "") -> str:
    """What is offered inside a command."""
    lines = [f"    {name or repr(name)})"]
    taking: dict[str, list[str]] = {}  # what offers values -> names of the options that take them
    for option in command.options:
        if option.value:
            taking.setdefault(_call(option.value), []).extend(option.names)
    if taking:
        lines.append('        case "$before" in')
        lines += [
            f"        {' | '.join(names)}) {f'{call}; ' if call else ''}return ;;" for call, names in taking.items()
        ]
        lines.append("        esac")
    lines += [
        "        if [[ $word == -* ]]; then",
        f'            _logscan_words "{" ".join(_names(command.options))}" "$word"',
    ]
    if words:
        lines += ["        else", f'            _logscan_words "{words}" "$word"']
    elif any(_call(argument.value) for argument in command.arguments):
        lines += ["        else", *(f"            {_call(argument.value)}" for argument in command.arguments)]
    return "\n".join([*lines, "        fi", "        ;;"])


def _call(value: Value) -> str:
    """The statement that offers values, "" where nothing is known of them."""
    if value.choices:
        return f'_logscan_{"list" if value.listed else "words"} "{" ".join(value.choices)}" "$word"'
    return f'_logscan_paths {value.place} "$word"' if value.place else ""


def _names(options: Iterable[Option]) -> list[str]:
    return [name for option in options for name in (*option.names, *option.off)]
