# make table2    set up an environment, then run the main job: Table 2, offline
# make report    make everything, and results/report.html, one file to share
# make leaderboard  rank every score by how well it ranks, in leaderboard/results: minutes, offline
# make zoo       the same for networks of torchvision, in zoo/results; a quarter of an hour
# make test      set up the same environment, then run every check and all tests but the slow ones
# make test-all  the same with the slow ones
# make lint      the checks of style and types alone
# make test-zoo  the tests that need torchvision
# make test-lowest  the tests of the library and the command, of a wheel beside the lowest versions
# make lock      renew the versions of all packages in locks/; UPGRADE=1 takes the newest
# make bench     time our searches and our score against literal implementations;
#                on a GPU: make bench DEVICE=cuda
# make soak      kill runs at random moments and check that nothing is lost; KILLS=50 kills, SEED=1 to
#                repeat a series
# make fuzz      give broken files to every reader; SECONDS=20 each, TARGETS="csv image" for some
# make sweep     compare the score with a literal oracle on the networks of torchvision and timm;
#                ONLY=resnet for some, RESUME=1 to continue
# make audit     ask PyPI whether the installed versions have known vulnerabilities
# make docs      build the site of docs/ into site/; open site/index.html
# make clean     remove the environment; results stay

PYTHON ?= python3
CORES ?= 4
DEVICE ?= cpu
# Build of torch: cpu, or cuda, which also serves where there is no build for the CPU alone.
TORCH ?= cpu
# Extras of pyproject.toml that the environment has: test; or test,clouds,docs
EXTRAS ?= test
KILLS ?= 50
WORKERS ?= 3
SECONDS ?= 20
TARGETS ?=
ONLY ?=
RESUME ?=

# The environment is rebuilt only when the locked versions or EXTRAS change.
PINS := $(shell cat locks/[!l]*.txt | cksum | cut -d ' ' -f 1)
BIN := .venv/bin
INSTALL := -m pip install --quiet --disable-pip-version-check
LOCKED := $(INSTALL) --no-deps --require-hashes
comma := ,
READY := .venv/pins-$(PINS)-$(TORCH)-$(subst $(comma),-,$(EXTRAS))
AUDIT := .venv/audit
LOCK := .venv/lock
LOWEST := .venv/lowest
SWEEP := .venv/sweep
DOCS := .venv/docs-ready
TORCHVISION := .venv/torchvision
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: table2 report leaderboard zoo lint test test-all test-zoo test-lowest lock bench soak fuzz sweep audit docs clean
.DELETE_ON_ERROR:

table2: $(READY)
	$(RUN) snakemake --cores $(CORES) results/table2.csv

report: $(READY)
	$(RUN) snakemake --cores $(CORES)
	$(RUN) snakemake --cores $(CORES) --report results/report.html \
	    --report-stylesheet report/style.css

# In a folder of its own: another sample and mini-batch would replace the scores of other runs.
leaderboard: $(READY)
	$(RUN) snakemake --cores $(CORES) --directory leaderboard leaderboard \
	    --configfile config/leaderboard.yaml

zoo: $(TORCHVISION)/ready
	PYTHONPATH="$(CURDIR)/$(TORCHVISION)" $(RUN) snakemake --cores $(CORES) --directory zoo leaderboard \
	    --configfile config/zoo.yaml

lint: $(READY)
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) snakefmt --check Snakefile workflow rules
	$(RUN) snakemake --lint

# One thread per worker: several workers share the cores, and more threads make tests three times slower.
test: MARKED := -m 'not slow'
test test-all: lint
	OMP_NUM_THREADS=1 $(RUN) python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(MARKED)

test-zoo: $(TORCHVISION)/ready
	PYTHONPATH="$(CURDIR)/$(TORCHVISION)" OMP_NUM_THREADS=1 NASWOT_NEEDS_TORCHVISION=1 $(RUN) \
	    python -m pytest tests/unit/spaces/test_zoo.py tests/unit/spaces/test_derived.py

# In a folder of its own: beside another build of torch than its own, other packages cannot import it.
$(TORCHVISION)/ready: locks/zoo.txt $(READY)
	rm -rf $(TORCHVISION)
	$(BIN)/python $(INSTALL) --no-deps --target $(TORCHVISION) \
	    $$(grep -oE '^torchvision==[0-9.]+' locks/zoo.txt)
	@touch $@

bench: $(READY)
	$(RUN) python tools/bench_searches.py
	$(RUN) python tools/bench.py --device $(DEVICE)

soak: $(READY)
	$(RUN) python tools/soak.py --kills $(KILLS) $(if $(SEED),--seed $(SEED))

fuzz: $(READY)
	@$(BIN)/python $(INSTALL) '.[fuzz]' || \
	    { echo "atheris could not be installed, see above; make test has the fixed cases."; exit 1; }
	$(RUN) python tools/fuzz/run.py --seconds $(SECONDS) $(TARGETS)

# In a small environment of its own, because the project does not depend on torchvision and timm.
sweep: $(SWEEP)/ready
	OMP_NUM_THREADS=1 $(SWEEP)/bin/python tools/sweep.py $(if $(ONLY),--only '$(ONLY)') $(if $(RESUME),--resume)

$(SWEEP)/ready: locks/zoo.txt
	@echo "Setting up $(SWEEP): a few minutes"
	$(PYTHON) -m venv --clear $(SWEEP)
	$(SWEEP)/bin/python $(INSTALL) \
	    $$(grep -ohE '^(numba|numpy|timm|torch|torchvision)==[0-9.]+' locks/[!l]*.txt)
	@touch $@

# In an environment of its own, because pip-audit is not part of what is audited.
lock:
	$(PYTHON) -m venv $(LOCK)
	$(LOCK)/bin/python $(INSTALL) uv==0.13.9
	$(LOCK)/bin/python tools/lock.py $(if $(UPGRADE),--upgrade)

# The wheel, made from the sdist, beside the lowest versions that it allows, without the checkout.
test-lowest:
	rm -rf dist $(LOWEST)
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python $(INSTALL) build==1.6.1
	$(LOWEST)/bin/python -m build
	$(LOWEST)/bin/python $(INSTALL) --constraint locks/lowest.txt \
	    "$$(echo dist/*.whl)[search,workflow]" hypothesis psutil pytest
	mkdir $(LOWEST)/apart
	cp -r pyproject.toml config docs examples tests tools $(LOWEST)/apart
	cd $(LOWEST)/apart && OMP_NUM_THREADS=1 PATH="$(CURDIR)/$(LOWEST)/bin:$$PATH" python -m pytest \
	    tests/unit/cli tests/unit/costs tests/unit/runtime tests/unit/scores tests/unit/search

audit: $(READY)
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python $(INSTALL) pip-audit==2.10.1
	$(BIN)/python -m pip list --disable-pip-version-check --format=freeze --exclude-editable \
	    > $(AUDIT)/pins.txt
	$(AUDIT)/bin/python tools/audit.py $(AUDIT)/pins.txt

docs: $(DOCS)
	$(RUN) NO_MKDOCS_2_WARNING=1 mkdocs build

$(DOCS): locks/docs.txt $(READY)
	$(BIN)/python $(LOCKED) --requirement locks/docs.txt
	@touch $@

clean:
	rm -rf .venv

$(READY):
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("naswot needs \
	Python 3.11 or newer, this is " + sys.version.split()[0] + "; name one: make PYTHON=python3.12")'
	@echo "Setting up .venv: once, a few minutes, about 2 GB"
	rm -rf .venv
	$(PYTHON) -m venv .venv
	$(BIN)/python $(LOCKED) --requirement locks/torch_$(TORCH).txt || { \
	    echo "pip finds no build of torch for the CPU alone here (see its installation page); taking" \
	        "the one with CUDA, several GB"; \
	    $(BIN)/python $(LOCKED) --requirement locks/torch_cuda.txt; }
	$(BIN)/python $(LOCKED) $(foreach part,packages $(filter clouds docs,$(subst $(comma), ,$(EXTRAS))),\
	    --requirement locks/$(part).txt)
	$(BIN)/python $(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
