"""Define what all rules share: the checked configuration, the plan and wildcard constraints."""

import re

from naswot.images import SOURCES as IMAGE_SOURCES
from naswot.plots.registry import FIGURES
from naswot.runtime.provenance import package_version
from naswot.search import METHODS
from naswot.search.sampling import SAMPLINGS
from naswot.spaces.sampling import sample_of
from naswot.supernet import SPACE as SHARED_SPACE
from naswot.workflow import ablations, paths, trained_study
from naswot.workflow import config as configuration
from naswot.workflow.config import SEARCHED
from naswot.workflow.inputs import Inputs
from naswot.workflow.plan import SCORING, Plan
from naswot.workflow.report_marks import in_report
from naswot.workflow.start_up import cores_per_job, doubling

if workflow.modifier.skip_configfile:  # a module statement gave the configuration
    config = start_up.completed(config, ROOT)
catalogue = start_up.check_config(config, ROOT, tell=workflow.is_main_process)
plan, inputs = Plan(config, catalogue), Inputs(config, ROOT, catalogue)


wildcard_constraints:
    space=r"[\w-]+",
    dataset=r"\w+",
    images="|".join(IMAGE_SOURCES),
    score="|".join(map(re.escape, plan.known)),
    family="|".join(re.escape(family.name) for family in plan.known.values()),
    method=r"\w+",
    pool="|".join(map(re.escape, plan.methods)),
    search="|".join(plan.sharing) or "none",
    seed=r"\d+",
    shard=r"\d+",
    number=r"\d+",
