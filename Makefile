# `make` alone lists the targets.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOLANGCI_VERSION := 2.15.0
GO_BUILD := CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
BUT_FAULTS := go list ./... | grep -v '/internal/faults$$'
WEB_SOURCES := $(shell find web/explorer web/packages -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null) package.json package-lock.json tsconfig.base.json

.DEFAULT_GOAL := help
.PHONY: help bench build eval web run dev test test-web race lint generate check-generated smoke soak clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: web ## build bin/zeblit, with the web pages where Node is installed
	$(GO_BUILD) -o bin/zeblit ./cmd/zeblit

web: web/dist/.built ## build the web pages, if their sources have changed

web/dist/.built: $(WEB_SOURCES)
	@scripts/build-web.sh

node_modules/.all: package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

run: build ## build and serve, on http://127.0.0.1:8080 unless told otherwise
	@exec bin/zeblit serve

dev: ## serve, and start again whenever a source file changes
	@scripts/dev.sh

test: ## run the Go tests, on SQLite, PostgreSQL and Redis; last the fault suite, which needs the machine for itself
	@scripts/with-services.sh go test -timeout 30m $$($(BUT_FAULTS))
	@scripts/with-services.sh go test -timeout 30m ./internal/faults

test-web: build node_modules/.all ## test the web pages, the packages, the examples and other people's clients
	@scripts/test-web.sh

race: ## the Go tests under the race detector; the fault suite's processes are built without it
	@scripts/with-services.sh go test -race -short -timeout 40m $$($(BUT_FAULTS))

soak: ## break real processes for a long time, and write docs/reliability.md
	@scripts/with-services.sh go run ./bench/soak

eval: ## have agents do tasks that hidden tests score; MODEL=provider/name asks a real model, EVAL has more flags
	@go run ./bench/eval $(if $(MODEL),-model $(MODEL)) $(EVAL)

lint: node_modules/.all ## check style and look for mistakes
	@scripts/lint.sh $(GOLANGCI_VERSION)
	npm run --silent lint
	npm run --silent typecheck

generate: node_modules/.all ## write the generated code and schema.graphql anew
	go generate ./...
	npm run --silent codegen

check-generated: ## fail where generating changes a file
	@scripts/check-generated.sh

bench: build ## measure: start and idle memory, hostile requests, events between nodes, the live stream, runs that are cancelled and spoken to
	go run ./bench/idle
	go run ./bench/hostile
	go run ./bench/nodes
	go run ./bench/fanout
	go run ./bench/tokens
	go run ./bench/sockets
	scripts/with-services.sh go run ./bench/crew

smoke: build ## start the built program, chat with it, stop it
	@scripts/smoke.sh bin/zeblit

clean: ## remove what was built and installed; the data in .zeblit stays
	rm -rf bin dist node_modules
	find web/dist -mindepth 1 ! -name placeholder.txt -delete
