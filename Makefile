# Thin: each target is one or two commands, all can be repeated. `make help` lists them.
#
#   PROFILE=quick|cpu|paper   how big the runs are (default: quick)
#   JOBS=N                    cells at a time (default: 2)
#   DEVICE=cpu|cuda:0         where tensors live (default: cpu)

PROFILE ?= quick
JOBS ?= 2
DEVICE ?= cpu
PAPERS := albert-idcnn asaibc mtaal mtl-ls

CARGO ?= cargo
BIN := target/release
LIGHT := -p medner-metrics -p medner-data -p medner-experiment -p medner-report

.DEFAULT_GOAL := help
.PHONY: help setup build data test lint bench reproduce-all $(addprefix reproduce-,$(PAPERS)) report doctor clean

help: ## this list
	@awk -F':.*## ' '/^[a-z%-]+:.*## /{printf "  %-24s %s\n", $$1, $$2}' Makefile
	@for p in $(PAPERS); do printf '  %-24s %s\n' "reproduce-$$p" "the tables of one paper"; done

setup: ## libtorch 2.11 into .libtorch (530 MB, once); a LIBTORCH that is set wins
	@tools/setup-libtorch.sh

build: setup ## all programs, into target/release
	$(CARGO) build --release --workspace --bins

data: build ## fetches or finds every corpus and verifies it
	$(BIN)/medner data fetch

test: build ## every test; those on real corpora run where the corpora can be had
	@$(BIN)/medner --quiet data fetch || echo "make test: no corpora here: the tests that need them say that they skip"
	$(CARGO) test --release --workspace

lint: setup ## format, clippy, rustdoc; warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --workspace --no-deps

bench: build ## speed beside PyTorch, pytorch-crf and gensim in an environment of their own (.venv)
	bench/run.sh

reproduce-all: build ## every table of every paper, then a summary; finished cells are not run again
	@status=0; for p in $(PAPERS); do \
	    $(BIN)/$$p reproduce --profile $(PROFILE) --jobs $(JOBS) --device $(DEVICE) || status=$$?; \
	done; exit $$status

$(addprefix reproduce-,$(PAPERS)): reproduce-%: build
	$(BIN)/$* reproduce --profile $(PROFILE) --jobs $(JOBS) --device $(DEVICE)

report: build ## published beside measured, from the tables under results/
	$(BIN)/medner report

doctor: ## what is here, what is missing, and the command that mends it
	@$(CARGO) build --release -p medner-report --bin medner
	$(BIN)/medner doctor

clean: ## removes what can be made again; results/cpu and results/paper stay
	rm -rf target results/quick results/sample results/*+set .venv
	if [ -d results ]; then find results -name checkpoints -type d -prune -exec rm -rf {} +; fi
