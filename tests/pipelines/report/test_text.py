from __future__ import annotations

import base64
import hashlib
import json

import pytest
from helpers.report_cases import HOSTILE

from recordmill.pipelines.report.text import content_security_policy, script_json


@pytest.mark.parametrize("text", HOSTILE)
def test_embedded_text_cannot_end_its_element_and_comes_back(text: str) -> None:
    embedded_text = script_json({text: [text]})
    assert not {"<", ">", "&", "\u2028"} & set(embedded_text)
    assert json.loads(embedded_text) == {text: [text]}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_has_not(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json([number])


def test_the_policy_lets_one_script_and_one_style_act() -> None:
    digest = base64.b64encode(hashlib.sha256(b"alert()").digest()).decode()
    assert content_security_policy(script="alert()", style="") == (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src "
        "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
