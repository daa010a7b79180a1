#!/usr/bin/env bash
# Runs golangci-lint in the given version: the installed one if it is that, else one
# that Go builds.
set -euo pipefail
version=$1
if golangci-lint version 2>/dev/null | grep -q "version v\?${version} "; then
	exec golangci-lint run ./...
fi
exec go run "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v${version}" run ./...
