VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

.PHONY: demo test install

install: $(INSTALLED)

# torchvision is named beside torch so that pip picks a pair that fits
$(INSTALLED): pyproject.toml
	test -x $(PYTHON) || python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet "torch>=2.6,<=2.14.1" "torchvision>=0.21,<=0.29.1"
	$(VENV)/bin/pip install --quiet -e ".[train,encoders,openvino,ncnn,video,ray,dev]"
	touch $(INSTALLED)

demo: $(INSTALLED)
	$(VENV)/bin/descale demo --out runs/demo

test: export OMP_NUM_THREADS = 1
test: $(INSTALLED)
	$(VENV)/bin/ruff check src tests benchmarks experiments
	$(VENV)/bin/mypy
	$(VENV)/bin/pytest -n 2
	# the same bits after a stop, with other kernels than those this CPU would choose
	ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 $(VENV)/bin/pytest tests/training -k "stopped"
