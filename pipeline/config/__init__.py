"""The run configuration: typed, every field described. `RunConfig.load(path, overrides)` refuses unknown keys
with "did you mean"; `steplabel config` prints the resolved configuration."""

from pipeline.config.batch import BudgetConfig, ClusterConfig, DeployConfig
from pipeline.config.dataset import (
    BalanceConfig,
    BalancedInformationConfig,
    ConsistencyConfig,
    DatasetConfig,
    DecontaminateConfig,
    DeduplicateConfig,
    DisagreementConfig,
    SelectConfig,
)
from pipeline.config.engine import EngineConfig, PriceConfig, SamplingConfig
from pipeline.config.inputs import (
    ColumnsConfig,
    MutantsConfig,
    ProblemsConfig,
    SolutionColumnsConfig,
    SolutionsConfig,
)
from pipeline.config.labels import CascadeConfig, ConsensusConfig, FilterConfig
from pipeline.config.options import Options, OptionsT, check_options
from pipeline.config.run import LARGEST_SHARD, RunConfig
from pipeline.config.solutions import (
    GenerateConfig,
    GradingConfig,
    ProgramsConfig,
    SandboxConfig,
    StepsConfig,
    TreeConfig,
)

__all__ = [
    "BalanceConfig",
    "BalancedInformationConfig",
    "BudgetConfig",
    "CascadeConfig",
    "ClusterConfig",
    "ColumnsConfig",
    "ConsensusConfig",
    "ConsistencyConfig",
    "DatasetConfig",
    "DecontaminateConfig",
    "DeduplicateConfig",
    "DeployConfig",
    "DisagreementConfig",
    "EngineConfig",
    "FilterConfig",
    "GenerateConfig",
    "GradingConfig",
    "LARGEST_SHARD",
    "MutantsConfig",
    "Options",
    "OptionsT",
    "PriceConfig",
    "ProblemsConfig",
    "ProgramsConfig",
    "RunConfig",
    "SamplingConfig",
    "SandboxConfig",
    "SelectConfig",
    "SolutionColumnsConfig",
    "SolutionsConfig",
    "StepsConfig",
    "TreeConfig",
    "check_options",
]
