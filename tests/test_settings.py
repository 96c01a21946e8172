"""Options from presets, files and `key=value` settings."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.detectors.logllama.options import PRESETS, Options
from logscan.errors import OptionError
from logscan.settings import build, merged, parsed, read_toml


@dataclass(frozen=True)
class Pump:
    rate: float = 1.5
    valves: int = 2

    def __post_init__(self) -> None:
        if self.valves < 1:
            raise ValueError("valves should be at least 1")


@dataclass(frozen=True)
class Plant:
    name: str = "north"
    mode: Literal["slow", "fast"] = "slow"
    limit: int | None = None
    on: bool = True
    pump: Pump = field(default_factory=Pump)


def test_values_are_toml_or_else_text() -> None:
    pairs = ["a=1", "b=1.5", "c=true", "d=top-k", 'e="1"', "f=x=y", "g=", "h.i.j=[1, 2]"]
    assert parsed(pairs) == {
        **{"a": 1, "b": 1.5, "c": True, "d": "top-k", "e": "1", "f": "x=y", "g": ""},
        "h": {"i": {"j": [1, 2]}},
    }


names = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
values = st.integers(-(2**60), 2**60) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(names, values | st.dictionaries(names, values, min_size=1, max_size=3), max_size=5))
def test_what_is_typed_is_what_is_meant(settings: dict[str, Any]) -> None:
    def pairs(table: dict[str, Any], inside: str = "") -> list[str]:
        found = []
        for name, value in table.items():
            text = str(value).lower() if isinstance(value, bool) else repr(value)
            whole = pairs(value, f"{inside}{name}.") if isinstance(value, dict) else [f"{inside}{name}={text}"]
            found += whole
        return found

    assert parsed(pairs(settings)) == settings


@pytest.mark.parametrize("pair", ["rate", "=1", ""])
def test_a_setting_without_name_or_value(pair: str) -> None:
    with pytest.raises(OptionError, match="key=value"):
        parsed([pair])


def test_later_settings_win_and_tables_are_merged() -> None:
    first: dict[str, Any] = {"a": 1, "t": {"x": 1, "y": {"z": 1}}}
    assert merged(first, {"t": {"y": {"w": 2}}}, {"a": 3}) == {"a": 3, "t": {"x": 1, "y": {"z": 1, "w": 2}}}
    assert first == {"a": 1, "t": {"x": 1, "y": {"z": 1}}}
    assert merged({"a": 1}, {"a": {"b": 2}}) == {"a": {"b": 2}}
    assert parsed(["p.a=1", "p.b=2", "p.a=3"]) == {"p": {"a": 3, "b": 2}}


def test_options_are_built_with_defaults() -> None:
    assert build(Plant, {}) == Plant()
    built = build(Plant, {"mode": "fast", "limit": 3, "pump": {"rate": 2}})
    assert built == Plant(mode="fast", limit=3, pump=Pump(rate=2.0))
    assert isinstance(built.pump.rate, float)
    for preset in PRESETS.values():
        assert build(Options, merged(preset, parsed(["rl.episodes=0"]))).rl.episodes == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"nam": "x"}, "there is no option nam: did you mean name?"),
        ({"pump": {"vales": 3}}, "there is no option pump.vales: did you mean pump.valves?"),
        ({"zzz": 1}, "there is no option zzz: there are name, mode, limit, on, pump"),
        ({"name": 3}, "name should be of type str, not 3"),
        ({"on": 1}, "on should be of type bool, not 1"),
        ({"limit": True}, "limit should be of type int or nothing, not True"),
        ({"pump": {"valves": 1.0}}, "pump.valves should be of type int, not 1.0"),
        ({"pump": {"rate": True}}, "pump.rate should be of type float, not True"),
        ({"mode": "medium"}, "mode should be one of slow, fast, not 'medium'"),
        ({"pump": 3}, "pump has options of its own: set pump.KEY=VALUE"),
        ({"pump": {"valves": 0}}, "pump.valves should be at least 1"),
    ],
)
def test_what_no_option_has_is_one_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as raised:
        build(Plant, settings)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "pair",
    [
        *("lm.head_dim=5", "lm.hidden=50", "lm.overlap=0", "lm.context=128", "lm.layers=0", "lm.epochs=0"),
        *("lm.learning_rate=-1", "lm.learning_rate=nan", "lm.patience=-1", "lm.weight_decay=-1", "lm.unknown=1.5"),
        *("rl.episodes=-1", "rl.learning_rate=0", "rl.clip=-1", "rl.entropy=nan", "top_k=1.0", "rule=best"),
    ],
)
def test_numbers_that_mean_nothing_for_the_language_model(pair: str) -> None:
    with pytest.raises(OptionError):
        build(Options, parsed([pair]))


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("top_k = 0.3\n[lm]\nlayers = 2\n", encoding="utf-8")
    options = build(Options, merged(PRESETS["small"], read_toml(path), parsed(["lm.layers=3"])))
    assert (options.top_k, options.lm.layers, options.lm.heads) == (0.3, 3, 4)


@pytest.mark.parametrize(("content", "message"), [(b"a = ", "no TOML"), (b"a = '\xff'", "no TOML")])
def test_files_that_are_none(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(content)
    with pytest.raises(OptionError, match=message):
        read_toml(path)
    with pytest.raises(OptionError, match="cannot be read: No such file"):
        read_toml(tmp_path / "other.toml")
