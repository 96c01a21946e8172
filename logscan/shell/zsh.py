"""The completion script for zsh."""

from logscan.shell.declared import Argument, Command, Option, Program, Value

SCRIPT = """\
#compdef logscan
# zsh completion of logscan, written by `make docs` from its options.

_logscan() {
  local curcontext="$curcontext" state line ret=1
  local -a commands
  typeset -A opt_args
  commands=(
@commands@
  )
  _arguments -C \\
@options@
    '1: :->command' \\
    '*:: :->words' && ret=0
  case $state in
    command) _describe -t commands 'command of logscan' commands && ret=0 ;;
    words)
      curcontext="${curcontext%:*:*}:logscan-$words[1]:"
      case $words[1] in
@cases@
      esac ;;
  esac
  return ret
}

if [[ $funcstack[1] == _logscan ]]; then # loaded from a folder of fpath
  _logscan "$@"
else # sourced
  compdef _logscan logscan
fi
"""


def script(program: Program) -> str:
    """The text of the script."""
    commands = [f"    {_quoted(f'{command.name}:{command.summary}')}" for command in program.commands]
    options = [f"    {_option(option)} \\" for option in program.root.options]
    cases = [_case(command) for command in program.commands]
    parts = {"@commands@": commands, "@options@": options, "@cases@": cases}
    text = SCRIPT
    for mark, lines in parts.items():
        text = text.replace(mark, "\n".join(lines))
    return text


def _case(command: Command) -> str:
    specs = [*map(_option, command.options), *map(_argument, command.arguments)]
    lines = " \\\n".join(f"            {spec}" for spec in specs)
    return f"        {command.name})\n          _arguments -s -S \\\n{lines} && ret=0 ;;"


def _option(option: Option) -> str:
    """As `_arguments` reads it: what it rules out, its names, its help, its value."""
    names = (*option.names, *option.off)
    alone = "--help" in names or "--version" in names
    others = "(- *)" if alone else "*" if option.many else f"({' '.join(names)})" if len(names) > 1 else ""
    rest = f"[{_escaped(option.help, '[]')}]"
    if option.value:
        rest += f":{_escaped(option.value.metavar, ':')}:{_action(option.value)}"
    if len(names) == 1:
        return _quoted(f"{others}{names[0]}{'=' if option.value else ''}{rest}")
    spelt = ",".join(f"{name}{_glued(name) if option.value else ''}" for name in names)
    return f"{_quoted(others)}{{{spelt}}}{_quoted(rest)}"


def _glued(name: str) -> str:
    """How a value may stand behind a name: -C2 and -C 2, --context=2 and --context 2."""
    return "=" if name.startswith("--") else "+"


def _argument(argument: Argument) -> str:
    optional = "" if argument.many or not argument.usage.startswith("[") else ":"
    place = "*" if argument.many else "1"
    return _quoted(f"{place}:{optional}{_escaped(argument.value.metavar, ':')}:{_action(argument.value)}")


def _action(value: Value) -> str:
    words = " ".join(value.choices)
    if value.listed:
        return f"_sequence compadd - {words}"
    if words:
        return f"({words})"
    return {"file": "_files", "folder": "_files -/", None: ""}[value.place]


def _escaped(text: str, marks: str) -> str:
    return "".join(f"\\{letter}" if letter in marks + "\\" else letter for letter in text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
