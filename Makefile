# "make help" lists the targets. What is built for tests goes to the user's cache folder, never into the checkout.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export CGO_ENABLED := 0

OFFLINE := go run ./test/offline/build
LINT    := go tool -modfile=tools/lint/go.mod golangci-lint
PLUGIN  := bin/kubectl-dualstack
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/kubectl-dualstack/kubectl-dualstack/internal/version.version=$(VERSION)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: build
build: ## Build the plugin into bin/
	go build -trimpath -ldflags '$(LDFLAGS)' -o $(PLUGIN) ./cmd/kubectl-dualstack

.PHONY: test
test: ## Run the unit tests, and the commands against a real kube-apiserver
	go vet ./...
	go test ./...
	bin=$$($(OFFLINE) binaries etcd kube-apiserver kubectl) && \
	  eval "$$($(OFFLINE) env)" && \
	  DUALSTACK_TEST_BIN=$$bin DUALSTACK_TEST_CRDS=$$CALICO_MANIFESTS go test -count=1 -tags apiserver ./test/apiserver/...

.PHONY: lint
lint: ## Run the linters, which also hold the import rules
	$(LINT) run ./...

.PHONY: images
images: ## Build the lab's images where no registry can be reached, and start Docker where none answers
	$(OFFLINE) images

.PHONY: e2e
e2e: ## Run the end-to-end tests on a real lab (RUN=regexp for some of them)
	go test -count=1 -tags e2e -v -timeout 80m $(if $(RUN),-run '$(RUN)') ./test/e2e/...

.PHONY: demo
demo: build ## Create the lab, building its images where none can be pulled, and look at it
	hack/demo.sh $(PLUGIN)

.PHONY: bench
bench: ## Measure: the time of each step of "lab create"
	go test -count=1 -tags bench -v -timeout 60m -run '^$$' -bench . -benchtime 1x ./test/e2e/...

.PHONY: clean
clean: ## Remove what was built here; the caches stay
	rm -rf bin dist
