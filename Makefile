# `make` alone lists the targets.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOLANGCI_VERSION := 2.15.0
GO_BUILD := CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"

.DEFAULT_GOAL := help
.PHONY: help bench build run dev test race lint generate check-generated smoke clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/zeblit
	$(GO_BUILD) -o bin/zeblit ./cmd/zeblit

run: build ## build and serve, on http://127.0.0.1:8080 unless told otherwise
	@exec bin/zeblit serve

dev: ## serve, and start again whenever a source file changes
	@scripts/dev.sh

test: ## run the tests on SQLite and PostgreSQL
	@scripts/with-services.sh go test ./...

race: ## the same under the race detector
	@scripts/with-services.sh go test -race ./...

lint: ## check style and look for mistakes
	@scripts/lint.sh $(GOLANGCI_VERSION)

generate: ## write the generated code and schema.graphql anew
	go generate ./...

check-generated: ## fail where generating changes a file
	@scripts/check-generated.sh

bench: ## measure start and idle memory beside a baseline
	go run ./bench/idle

smoke: build ## start the built program, chat with it, stop it
	@scripts/smoke.sh bin/zeblit

clean: ## remove what was built; the data in .zeblit stays
	rm -rf bin dist
