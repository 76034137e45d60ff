from __future__ import annotations

import json
from collections import Counter

import pytest

from recordmill.pipelines.images.boxes.frames import BoxFrame, FrameEvidence
from recordmill.pipelines.images.findings import ImageFindings
from recordmill.pipelines.images.near_duplicates import find_near


@pytest.mark.parametrize("boxes", [False, True])
def test_the_fields_of_the_manifest(boxes: bool) -> None:
    findings = ImageFindings(
        formats=Counter(PNG=2, JPEG=5),
        converted=Counter(TIFF=1),
        without_end_marker=1,
        unannotated=3,
        near_duplicates=find_near([], drop=False),
        frame=BoxFrame("upright", "files"),
        frame_evidence=FrameEvidence(turned=2),
    )
    fields = findings.to_json(boxes=boxes)
    assert json.dumps(fields)
    assert list(fields["formats"].items()) == [("JPEG", 5), ("PNG", 2)]
    assert (fields["converted_by_pillow"], fields["without_end_marker"]) == ({"TIFF": 1}, 1)
    assert (fields["unannotated"], fields["near_duplicates"]["dropped"]) == (3, 0)
    assert ("box_frame" in fields) == boxes
    if boxes:
        assert fields["box_frame"]["frame"] == "upright"
        assert fields["box_frame"]["turned"] == 2
