"""Readers under hostile input: targets for tests and for fuzzing (`make fuzz`)."""

from fuzz import benchmark_targets, image_targets, text_targets

ALL = {
    target.name: target
    for module in (benchmark_targets, image_targets, text_targets)
    for target in module.TARGETS
}
