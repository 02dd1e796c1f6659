"""Small features for the tests of kinship."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from app.grouping.g2.decision import NOWHERE, Spot
from app.grouping.kinship.features import Birth, Features
from app.grouping.kinship.kin import Kin

BLANK = Features(
    1, "", "g2", "default", "", "java", "PostException", "", "acme.Routes lookUp", "acme.Routes",
    True, False, False, False, False, False, Spot("acme.Routes lookUp", "22"), Spot("acme.Web find", "16"), (),
    "", "", "", ("acme.Routes", "acme.Web"), "1.0", 20_000, Birth(0, "crashes", 0, 0),
)  # fmt: skip


def sight(text: str, offset: int = 0, **changes: Any) -> Features:  # noqa: ANN401  values of any field
    """Return a sight of a key that follows from type, top frame and text, one second after another by offset."""
    basis: dict[str, Any] = {"text": text, "template": text, "born": Birth(offset * 1000, "crashes", 0, offset)}
    made = msgspec.structs.replace(BLANK, **{**basis, **changes})
    key = f"{made.type}\1{made.top}\1{text}"
    return made if made.key else msgspec.structs.replace(made, key=blake2b(key.encode(), digest_size=16).hexdigest())


def unlined(text: str, offset: int = 0, **changes: Any) -> Features:  # noqa: ANN401  values of any field
    """Return a sight whose client sends no lines."""
    raised = Spot("acme.Routes lookUp", "")
    return sight(text, offset, raised=raised, caller=Spot("acme.Web find", ""), **changes)


def message(text: str, offset: int = 0, **changes: Any) -> Features:  # noqa: ANN401  values of any field
    """Return a sight of a message without stack."""
    nowhere = {"raised": NOWHERE, "caller": NOWHERE, "top": "", "owner": "", "frames": (), "in_app": False}
    return sight(text, offset, **{"type": "", "family": "python", **nowhere, **changes})


def seen(sights: Sequence[Features]) -> Kin:
    """Return what compared all sights, in the order given."""
    kin = Kin()
    for one in sights:
        kin.see(one)
    return kin


def groups(sights: Sequence[Features]) -> int:
    """Count the groups that sights make."""
    kin = seen(sights)
    return len({kin.root(one.key) for one in sights})


def together(*sights: Features) -> bool:
    """Tell whether all sights fall into one group."""
    return groups(sights) == 1
