# Each target is a command of dev.py, which sets everything up by itself.
PYTHON ?= python3
.PHONY: demo test check bench

demo test check bench:
	@$(PYTHON) dev.py $@ $(ARGS)
