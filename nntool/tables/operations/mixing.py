"""New columns made of several columns of numbers: their products, or their principal components."""

from nntool.settings.transform import TransformSettings
from nntool.tables.operations.operation import Mixer

MIXERS: dict[str, type[Mixer]] = {}


def mixers_asked_for(settings: TransformSettings) -> list[Mixer]:
    """Build the mixers of the settings, in the order in which they are applied."""
    return []
