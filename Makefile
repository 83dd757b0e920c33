# keybroker: `make run` and `make test` do all the set-up on a bare Debian 12 with Go.
# CGO is off where nothing needs it: one static binary, on every system.

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
FUZZTIME ?= 4s
TOOL     := go tool -modfile=tools/go.mod

# What the tests work against: the real thing each time.
TEST_PACKAGES := gcc libc6-dev systemd openssh-server openssh-client git rsync procps \
	dbus dbus-x11 gnome-keyring libsecret-tools \
	pinentry-curses pinentry-tty pinentry-gtk2 pinentry-qt xvfb xauth xdotool
# What a user needs beside the binary: ssh itself, and on a desktop a window to ask in.
RUN_PACKAGES := openssh-client $(if $(DISPLAY)$(WAYLAND_DISPLAY),pinentry-qt)

.PHONY: run build test unit fuzz bench lint deps install-packages clean

build: bin/keybroker

bin/keybroker: FORCE
	@CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/keybroker
FORCE:

run: PACKAGES = $(RUN_PACKAGES)
run: install-packages build
	@exec ./bin/keybroker daemon --welcome

test: deps lint unit fuzz

deps: PACKAGES = $(TEST_PACKAGES)
deps: install-packages

# install-packages installs those of $(PACKAGES) that are missing.
install-packages:
	@packaging/install-packages $(PACKAGES)

lint:
	@echo '== gofmt'; test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	@echo '== go vet (linux, windows, darwin without cgo)'
	@go vet ./...
	@GOOS=windows go vet ./... && GOOS=windows go build -o /dev/null ./cmd/keybroker
	@GOOS=darwin CGO_ENABLED=0 go vet ./... && GOOS=darwin CGO_ENABLED=0 go build -o /dev/null ./cmd/keybroker
	@echo '== staticcheck'; $(TOOL) staticcheck ./...
	@echo '== govulncheck'; packaging/govulncheck

unit:
	@echo '== go test -race'
	@go test -race -count=1 ./...
	@echo '== go test: what takes too long with -race'
	@go test -count=1 -run '^TestScripts$$/^first-key$$' ./cmd/keybroker

fuzz:
	@packaging/fuzz-all $(FUZZTIME)

bench: deps build
	@go run ./bench

clean:
	rm -rf bin build
