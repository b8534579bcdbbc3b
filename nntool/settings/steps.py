"""The steps in their usual order, each with its settings model; other commands' beside them."""

from nntool.settings.clean import CleanSettings
from nntool.settings.collect import CollectSettings
from nntool.settings.compare import CompareSettings
from nntool.settings.evaluate import EvaluateSettings
from nntool.settings.model import StepSettings
from nntool.settings.predict import PredictSettings
from nntool.settings.select_features import SelectFeaturesSettings
from nntool.settings.split import SplitSettings
from nntool.settings.train import TrainSettings
from nntool.settings.transform import TransformSettings

STEPS: dict[str, type[StepSettings]] = {
    "collect": CollectSettings,
    "clean": CleanSettings,
    "transform": TransformSettings,
    "select-features": SelectFeaturesSettings,
    "split": SplitSettings,
    "train": TrainSettings,
    "evaluate": EvaluateSettings,
}

MODELS: dict[str, type[StepSettings]] = {
    **STEPS,
    "predict": PredictSettings,
    "compare": CompareSettings,
}
"""The same of every command that has settings."""
