from __future__ import annotations

from collections import Counter

from recordmill.pipelines.images.boxes.frames import BoxFrame, FrameEvidence
from recordmill.pipelines.images.findings import ImageFindings
from recordmill.pipelines.images.near_duplicates import NearDuplicateFindings
from recordmill.pipelines.images.perceptual_hash import NearDuplicates


def test_the_fields_of_the_manifest() -> None:
    near = NearDuplicateFindings(NearDuplicates(1, 2, 0, ()), frozenset({("train", "a.png", "0")}))
    findings = ImageFindings(
        formats=Counter({"png": 3, "jpeg": 2}),
        converted=Counter({"png": 1}),
        without_end_marker=4,
        unannotated=5,
        near_duplicates=near,
        frame=BoxFrame("upright", "files"),
        frame_evidence=FrameEvidence(turned=6),
    )
    fields = findings.to_json(boxes=False)
    assert fields == {
        "formats": {"jpeg": 2, "png": 3},
        "converted_by_pillow": {"png": 1},
        "without_end_marker": 4,
        "unannotated": 5,
        "near_duplicates": {
            "groups": 1,
            "images": 2,
            "straddling": 0,
            "examples": (),
            "dropped": 1,
        },
    }
    assert list(fields["formats"]) == ["jpeg", "png"]
    box_frame = {"frame": "upright", "decided_by": "files", "turned": 6}
    assert findings.to_json(boxes=True) == fields | {
        "box_frame": box_frame | {"upright": 0, "stored": 0, "unknown": 0}
    }
