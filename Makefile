# Every target says what it does: make help
.DEFAULT_GOAL := help
SHELL := /bin/bash

GO           ?= go
FUZZTIME     ?= 30s
BENCH        ?= .
# rtl: English in Arabic letters, from right to left.
LOCALES      ?= en,de,es,fr,ja,rtl
# A copy of the Go vulnerability database, such as file:///srv/vulndb; empty: the public one.
VULNDB       ?=
GOLANGCI     ?= github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK  ?= golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: dev
dev: ## Run a provider for development on http://localhost:8080
	$(GO) run ./cmd/identity dev

.PHONY: test
test: setup ## Install what the tests need, then vet and run every test with the race detector
	$(GO) vet ./...
	bash .ci/with-postgres $(GO) test -race -count=1 -timeout 25m ./...

.PHONY: setup
setup: ## Install what the tests need: Chromium, fonts, PostgreSQL, Apache, Node packages, oauth2-proxy, Dex
	@bash .ci/setup

.PHONY: lint
lint: ## Run golangci-lint (built on first use)
	$(GO) run $(GOLANGCI) run ./...

.PHONY: generate
generate: ## Run every go:generate
	$(GO) generate ./...

.PHONY: check-generated
check-generated: generate ## Fail when generated files are not what go:generate makes
	@git diff --exit-code --stat || { echo "generated files are out of date: commit what 'make generate' changed" >&2; exit 1; }

.PHONY: bench
bench: ## Run every benchmark with allocations (BENCH=pattern narrows)
	bash .ci/with-postgres $(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: bench-postgres
bench-postgres: ## Compare a commit on Postgres with pgbench, at 1, 8 and 64 connections
	bash .ci/with-postgres $(GO) test -run '^$$' -bench '^BenchmarkCommit$$' -benchtime 5s ./storage/postgres

.PHONY: bench-users
bench-users: ## Read pages of 1,000 and of 1,000,000 users, on SQLite and on Postgres
	bash .ci/with-postgres $(GO) test -run '^$$' -bench '^BenchmarkUserDirectory$$' -timeout 30m ./storage

.PHONY: bench-flows
bench-flows: ## Time a whole single sign-on and a refresh, on SQLite and on Postgres
	bash .ci/with-postgres $(GO) test -run '^$$' -bench '^BenchmarkFlows$$' ./cmd/identity

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (30s)
	@bash .ci/fuzz $(FUZZTIME)

.PHONY: screenshots
screenshots: ## Draw every page and letter into screenshots/, in LOCALES, on a phone and on a desktop, light and dark
	@bash .ci/setup pictures
	$(GO) run ./cmd/screenshots -out screenshots -locales $(LOCALES) -sheet 8

.PHONY: conformance-server
conformance-server: ## Start a provider as the OpenID Foundation's suite wants it (conformance/openid/README.md)
	@bash .ci/conformance-server

.PHONY: conformance-rotate
conformance-rotate: ## Rotate the keys of that provider, while oidcc-server-rotate-keys waits
	@bash .ci/conformance-server key rotate --now --alg RS256

.PHONY: conformance-table
conformance-table: setup ## Run every module of every plan and write docs/conformance.md
	CONFORMANCE_TABLE=1 $(GO) test -count=1 -timeout 60m -run 'TestOpenID$$' ./conformance

.PHONY: build
build: ## Build one static binary into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/identity ./cmd/identity

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities (VULNDB=file:///… for a local database)
	$(GO) run $(GOVULNCHECK) $(if $(VULNDB),-db $(VULNDB)) ./...
