"""Snakemake's default limit of jobs a second is lifted, and one that a user chose is kept."""

from types import SimpleNamespace

import pytest
from snakemake.cli import get_argument_parser
from snakemake.scheduling.job_scheduler import JobRateLimiter
from snakemake.settings.types import MaxJobsPerTimespan

from naswot.workflow.start_up import lift_rate_limit

DEFAULT = get_argument_parser().get_default("max_jobs_per_timespan")


@pytest.mark.parametrize(("limit", "lifted"), [(DEFAULT, True), ("7/1m", False), (None, True)])
def test_only_the_default_limit_is_lifted(limit, lifted):
    limiter = limit and JobRateLimiter(MaxJobsPerTimespan.parse_choice(limit))
    workflow = SimpleNamespace(scheduler=SimpleNamespace(job_rate_limiter=limiter))
    lift_rate_limit(workflow)
    assert (workflow.scheduler.job_rate_limiter is None) == lifted
