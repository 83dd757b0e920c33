# keybroker: `make run` and `make test` do all the set-up on a bare Debian 12 with Go.
# CGO is off where nothing needs it: one static binary, on every system.

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
FUZZTIME ?= 4s
TOOL     := go tool -modfile=tools/go.mod

# What the tests work against: the real thing each time.
TEST_PACKAGES := gcc libc6-dev systemd openssh-server openssh-client git rsync procps \
	dbus dbus-x11 gnome-keyring libsecret-tools \
	pinentry-curses pinentry-tty pinentry-gtk2 pinentry-qt zenity yad xvfb xauth xdotool \
	xfwm4 xterm x11-utils x11-xserver-utils imagemagick fonts-dejavu-core \
	libpcsclite-dev pkg-config
# The PC/SC stack, a reader for it that a virtual card plugs into, and the judges of that card.
CARD_PACKAGES := pcscd vsmartcard-vpcd iproute2 libpcsclite-dev pkg-config
CARD_TOOLS    := $(CARD_PACKAGES) opensc opensc-pkcs11 yubico-piv-tool
# What a user needs beside the binaries: ssh itself, and on a desktop a pinentry for
# where our own window cannot be, and letters for other scripts than ours.
RUN_PACKAGES := openssh-client $(if $(DISPLAY)$(WAYLAND_DISPLAY),pinentry-qt fonts-dejavu-core)

.PHONY: run build test unit fuzz bench screenshots card test-card lint deps install-packages clean

build: bin/keybroker bin/keybroker-desktop

bin/%: FORCE
	@CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/$*
FORCE:

run: PACKAGES = $(RUN_PACKAGES)
run: install-packages build
	@exec ./bin/keybroker daemon --welcome

test: deps lint fuzz unit

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
	@CGO_ENABLED=0 go build -o /dev/null ./cmd/keybroker-desktop
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

# test-card runs the card layer against the real pcscd, OpenSC and yubico-piv-tool.
test-card: PACKAGES = $(TEST_PACKAGES) $(CARD_TOOLS)
test-card: install-packages
	@KEYBROKER_TEST_CARDS=1 go test -race -count=1 ./piv/...

# card starts virtual cards behind a pcscd of their own, to try things with no hardware.
card: PACKAGES = $(CARD_PACKAGES) gcc libc6-dev
card: install-packages
	@exec go run ./piv/pivtest/cmd/pivcard

# screenshots takes pictures of the prompts, for the README and for people to look at.
screenshots: deps
	@KEYBROKER_SCREENSHOTS=$(CURDIR)/docs/images go test -count=1 -run '^TestScreenshots$$' ./confirm

bench: deps build
	@go run ./bench

clean:
	rm -rf bin build
