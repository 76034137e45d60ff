import pytest

from benchmarks.__main__ import main
from benchmarks.cases import CASES
from benchmarks.contenders import ROOT
from benchmarks.table import between_markers


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["adlt"],
            "no case adlt; there is adult, adult64, wide, hotdog, camera, statistics, profile, "
            "loading, serving, help",
        ),
        (["--runs", "0"], "--runs: expected at least 1, got 0"),
    ],
)
def test_a_wrong_command_line_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", CASES)
def test_there_is_a_place_for_the_results_of_each_case(name: str) -> None:
    readme = (ROOT / "benchmarks" / "README.md").read_text()
    assert "what was measured" in between_markers(readme, name, "what was measured")
