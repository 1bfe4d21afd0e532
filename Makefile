# "make help" lists the targets. What is built for tests goes to the user's cache folder, never into the checkout.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export CGO_ENABLED := 0

OFFLINE := go run ./test/offline/build
LINT    := go tool -modfile=tools/lint/go.mod
LICENCES := go run -C tools/licences .
RELEASE := go tool -modfile=tools/release/go.mod goreleaser
# A clone may have no remote, and goreleaser then takes the commit for unknown.
ORIGIN  := GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url GIT_CONFIG_VALUE_0=https://github.com/kubectl-dualstack/kubectl-dualstack
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

.PHONY: race
race: ## Run the unit tests of the packages that have goroutines under the race detector (needs a C compiler; those that measure memory are left out: the detector multiplies it)
	CGO_ENABLED=1 go test -race -skip Memory $$(go list -f '{{.ImportPath}} {{.Imports}}' ./internal/... ./pkg/... | grep -E '[[ ](sync|golang.org/x/sync/errgroup|os/signal)[] ]' | cut -d' ' -f1)

.PHONY: lint
lint: ## Run the linters, which also hold the import rules, and compare the list of licences
	$(LINT) golangci-lint run ./...
	$(LINT) actionlint .github/workflows/*.yml
	$(LICENCES) -check

.PHONY: licences
licences: ## Write THIRD_PARTY_LICENSES.md: the licences of what is compiled in, which must be on the list of those allowed
	$(LICENCES)

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities in what is compiled in (asks Go's vulnerability database)
	go tool -modfile=tools/vuln/go.mod govulncheck ./cmd/...

.PHONY: images
images: ## Build the lab's images where no registry can be reached, and start Docker where none answers
	$(OFFLINE) images

.PHONY: e2e
e2e: ## Run the end-to-end tests on a real lab (RUN=regexp for some of them, ALL=1 also for those of tomorrow)
	go test -count=1 -tags e2e -v -timeout 80m $(if $(RUN),-run '$(RUN)') ./test/e2e/... $(if $(ALL),-args -all)

.PHONY: faults-doc
faults-doc: ## Write docs/faults.md: break the lab in each way, and note what a trace says
	go test -count=1 -tags e2e -v -timeout 80m -run '^Test(Trace)?Faults$$' ./test/e2e/ -record "$(CURDIR)/docs/faults.md"

.PHONY: demo
demo: build ## Create the lab, building its images where none can be pulled, and look at it
	hack/demo.sh $(PLUGIN)

.PHONY: docs
docs: ## Rewrite what is generated in README.md and docs/: the commands' pages, the picture, and what commands print
	go test -count=1 -run '^TestReports$$' ./pkg/inspect/check -update
	go test -count=1 -run '^TestDocs' ./pkg/cmd -update
	go test -count=1 -run '^TestDocs' ./pkg/cmd

.PHONY: demo-snapshot
demo-snapshot: ## Record what "--snapshot demo" shows, from the lab of the current kubeconfig
	go test -count=1 -run '^TestDemo$$' ./pkg/cmd -record
	go test -count=1 -run '^TestDemo' ./pkg/cmd

.PHONY: bench
bench: ## Measure: large clusters, held against targets, and each step of "lab create" (BENCH=Cluster for a part)
	bin=$$($(OFFLINE) binaries etcd kube-apiserver kubectl calicoctl) && \
	  eval "$$($(OFFLINE) env)" && \
	  DUALSTACK_TEST_BIN=$$bin DUALSTACK_TEST_CRDS=$$CALICO_MANIFESTS go test -count=1 -tags bench -v -timeout 60m -p 1 \
	  -run '^$$' -bench '$(or $(BENCH),.)' -benchtime 1x ./test/scale/... ./test/e2e/...

FUZZTIME ?= 5m
.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (5m), one after the other
	fuzz() { go test -run '^$$' -fuzz "^$$1\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x -parallel 1 "$$2"; }; \
	  fuzz FuzzParse ./pkg/inspect/gather/nodetables && \
	  fuzz FuzzRead ./pkg/inspect/snapfile && \
	  fuzz FuzzReadMemory ./pkg/inspect/snapfile && \
	  fuzz FuzzReadNode ./pkg/inspect/gather && \
	  fuzz FuzzFrames ./pkg/inspect/trace/probe && \
	  fuzz FuzzSelects ./pkg/calico/selector

.PHONY: dist
dist: ## Build what a release would be into dist/, and publish nothing
	$(RELEASE) check
	$(ORIGIN) $(RELEASE) release --snapshot --clean

.PHONY: test-release
test-release: dist ## Test what "make dist" made: archives, checksums, SBOMs, krew's whole round, and that a second build is the same
	DUALSTACK_TEST_BIN=$$($(OFFLINE) binaries kubectl) go test -count=1 -tags release -v -timeout 60m ./test/release/...

.PHONY: release
release: ## Build and publish the release of the current tag; the workflow of that name runs it
	$(RELEASE) release --clean

.PHONY: clean
clean: ## Remove what was built here; the caches stay
	rm -rf bin dist
