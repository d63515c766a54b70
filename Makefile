# Thin fronts: the work is Meson's, npm's and scripts/'s.
.DEFAULT_GOAL := help
.PHONY: autobahn help build run check test fresh bench bench-peers lint format fuzz screenshots clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

build: ## install what is missing, build the server (build/parley) and the web client (web/dist)
	@scripts/build.sh

run: ## build and start Parley; ARGS="--listen 127.0.0.1:9000" hands words to `parley serve`
	@exec scripts/run.sh $(ARGS)

check: ## before a commit, under 3 minutes: build, unit tests, lint of what changed, one browser test
	@scripts/test.sh check

test: ## all unit, integration and browser tests
	@scripts/test.sh test

fresh: ## on a bare Debian 12: `make run`, a browser, `make test` (as root)
	@scripts/fresh.sh

bench: ## Parley beside a raw epoll program; ARGS="--loads A,B --rounds 3"
	@scripts/bench.sh $(ARGS)

bench-peers: ## beside Node's ws and socket.io and Flask-SocketIO too; writes bench/RESULTS.md
	@scripts/bench.sh peers $(ARGS)

lint: ## every formatter, linter and check over everything
	@scripts/lint.sh

format: ## put all C sources into their format
	@git ls-files '*.c' '*.h' | xargs clang-format -i

fuzz: ## the fuzzers, SECONDS_EACH=60 each
	@scripts/fuzz.sh

autobahn: ## Autobahn's WebSocket test suite, all 517 cases at full length (Python 2.7)
	@scripts/autobahn.sh

screenshots: ## every view of the web client, light, dark and phone, into screenshots/
	@scripts/screenshots.sh

clean: ## remove what was built (not parley-data/)
	rm -rf build build-* web/dist web/node_modules tests/node_modules tests/e2e/results screenshots
