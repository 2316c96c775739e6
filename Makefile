# make build    the binary, bin/gatehouse
# make check    what needs no running: format, vet, staticcheck, templ, known vulnerabilities
# make test     installs what is missing, checks, then runs every test (what .ci/run calls)
# make e2e      the tests of the whole house alone
# make torture  builds the house with one mistake at a time, and the race test must find
#               each; then every fault of docs/faults.md, longer and more often
# make model    checks docs/revocation.pml with Spin, and that it misses every rule left out
# make bench    the figures, on SQLite and PostgreSQL
# make bench-revocation   what is promised of a suspension, measured on three nodes
# make bench-layoff   10,000 people suspended by one command, 50 apps each (PEOPLE=1000 ON=sqlite: smaller, elsewhere)
# make shell    a shell with the tests' services running: go test ./store/...

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

GO        ?= go
# The limit is for a test that hangs: on two idle cores e2e takes nine minutes.
TESTFLAGS ?= -race -p 2 -timeout 40m -count 1

.PHONY: build check fmt vet staticcheck generate vuln install test e2e torture model bench bench-revocation bench-layoff shell

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o bin/gatehouse ./cmd/gatehouse

check: fmt vet staticcheck generate vuln

fmt:
	@bad=$$(find . -name '*.go' ! -name '*_templ.go' ! -path '*/node_modules/*' -exec gofmt -l {} +); \
	[ -z "$$bad" ] || { echo "not formatted (gofmt -w mends them):"; echo "$$bad"; exit 1; }

vet:
	$(GO) vet ./...

staticcheck:
	$(GO) tool staticcheck ./...

# The pages are compared with what templ makes of them now, not with git: that
# also finds a file that was never committed, and works in a plain copy.
pages = find . -name '*_templ.go' ! -path '*/node_modules/*' -exec sha256sum {} + | sort -k2
generate:
	@before=$$($(pages)); $(GO) tool templ generate -log-level warn || exit; \
	after=$$($(pages)); [ "$$before" = "$$after" ] || { \
	echo "templ generate changed these files, which were stale or missing (commit them):"; \
	diff <(echo "$$before") <(echo "$$after") | awk '/^[<>] ./ {print $$3}' | sort -u; exit 1; }

# VULNDB names a directory with a copy of the Go vulnerability database.
vuln:
ifeq ($(VULNDB),)
	@echo "govulncheck was NOT run: VULNDB names no copy of the Go vulnerability database"
else
	@[ -d "$(VULNDB)/index" ] || { echo "VULNDB=$(VULNDB) holds no copy of the Go vulnerability database"; exit 1; }
	$(GO) tool govulncheck -db "file://$(abspath $(VULNDB))" ./...
endif

install:
	@e2e/install.sh

test: install
	@$(MAKE) --no-print-directory check
	e2e/with-services.sh $(GO) test $(TESTFLAGS) -json ./... | $(GO) run ./e2e/tally

e2e: install
	e2e/with-services.sh $(GO) test $(TESTFLAGS) -json ./e2e/... | $(GO) run ./e2e/tally

torture: install
	e2e/with-services.sh $(GO) test -tags torture -run 'TestSeededFaultsAreFound|TestFaultsAtLength' -timeout 60m -count 1 -v ./e2e

model:
	@command -v spin >/dev/null || { echo "make model wants spin: apt-get install spin"; exit 1; }
	@docs/revocation.sh

bench: install
	e2e/with-services.sh $(GO) run ./e2e/bench $(BENCHFLAGS)

bench-revocation: install
	e2e/with-services.sh $(GO) run ./e2e/bench -revocation $(BENCHFLAGS)

PEOPLE ?= 10000
ON     ?= postgres
bench-layoff: install
	e2e/with-services.sh $(GO) run ./e2e/bench -layoff $(PEOPLE) -layoff-on $(ON) $(BENCHFLAGS)

shell: install
	@e2e/with-services.sh $${SHELL:-bash}
