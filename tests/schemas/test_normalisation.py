from __future__ import annotations

import pytest
from pydantic import ValidationError

from schemas.normalisation import KINDS, NormaliseConfig
from schemas.tables import SIGNALS


def test_nothing_is_changed_unless_asked_for() -> None:
    assert set(NormaliseConfig().model_dump().values()) == {False, None}
    assert set(NormaliseConfig.model_fields) | {"controls", "nfc"} == set(KINDS)
    columns = [name for name in SIGNALS.names if name.startswith("normalise_")]
    assert columns == [f"normalise_{kind}" for kind in KINDS]


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, True, "half"])
def test_a_share_is_a_share(share: object) -> None:
    with pytest.raises(ValidationError, match="boilerplate"):
        NormaliseConfig.model_validate({"boilerplate": share})
    assert NormaliseConfig.model_validate({"boilerplate": 1}).boilerplate == 1.0
