# make run    build the playground where npm is there, serve on SQLite
# make test   all tests
# make check  what CI adds: formatting, vet, generation, the race detector
# make build  the binary ./logbook
# make demo-legacy  call every endpoint of the legacy APIs with curl, as their documents do
# make fuzz   every fuzz target of rest/ for FUZZTIME (200 inputs), on both engines
# make clients  front-end tools and clients (npm) against the binary's GraphQL
# make bench  the ruler: a million rows of each kind on SQLite, then on MariaDB, then how
#             long attacks take to be refused: an hour;
#             make bench BENCH="--kind all --rows 5000 --seconds 0.02 --written 1000" is quick

CONSOLE_SOURCES := $(addprefix console/,package.json package-lock.json .npmrc vite.config.js index.html) $(wildcard console/src/*)

.PHONY: run test check build bench fuzz clients demo-legacy generate console race formatted generated
run: console
	go run .

test:
	go test -timeout 20m ./...

build: console
	CGO_ENABLED=0 go build -trimpath -o logbook .

BENCH ?= --kind all
bench:
	go run ./bench --db sqlite $(BENCH)
	go run ./bench --db mysql $(BENCH)
	go run ./bench attacks

# Built once, since go test fuzzes one target a run. A number of inputs, and no time:
# Go 1.26 may take the end of the time for a failure (golang/go#75804). What is found is kept where go
# test keeps it, and an input that fails under rest/testdata/fuzz.
FUZZTIME ?= 200x
fuzz:
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	go test -c -fuzz=. -o "$$dir/rest.test" ./rest && cd rest && \
	targets=$$("$$dir/rest.test" -test.list '^Fuzz') && test -n "$$targets" && \
	for target in $$targets; do \
		echo "$$target"; \
		"$$dir/rest.test" -test.run '^$$' -test.fuzz "^$$target\$$" -test.fuzztime $(FUZZTIME) \
			-test.fuzzcachedir "$$(go env GOCACHE)/fuzz/logbook/rest" || exit 1; \
	done

clients:
	cd clients && npm ci --no-audit --no-fund --loglevel=error && npm test

demo-legacy:
	demo/legacy.sh

generate:
	go generate ./...

check: formatted generated race
	go vet ./...

race:
	go test -race -timeout 45m ./...

formatted:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$bad" || { echo "not gofmt-ed:"; echo "$$bad"; exit 1; }

# Generating twice must leave nothing to commit.
generated:
	@before=$$(git status --porcelain); \
	go generate ./... && go generate ./... && after=$$(git status --porcelain); \
	test "$$before" = "$$after" || { echo "go generate ./... changed files:"; git status --porcelain; exit 1; }

ifneq ($(shell command -v npm 2>/dev/null),)
console: console/dist/index.html.gz
else
console:
	@echo 'console: skipped, npm is not installed (Node.js 20.19 or newer); /playground will say how to build it'
endif

console/dist/index.html.gz: $(CONSOLE_SOURCES)
	cd console && npm ci --no-audit --no-fund && npm run build
	@touch $@
