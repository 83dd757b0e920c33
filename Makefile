# keybroker: `make run` and `make test` do all the set-up on a bare Debian 12 with Go.
# A program needs Go alone to build; for cards it opens libpcsclite.so.1 when it runs.

# A source archive has no repository: make build VERSION=v1.2.3
VERSION  ?= $(shell packaging/version)
COMMIT   ?= $(shell git rev-parse HEAD 2>/dev/null)
LDFLAGS  := -s -w -X github.com/keybroker/keybroker/cli/version.linked=$(VERSION) -X github.com/keybroker/keybroker/cli/version.commit=$(COMMIT)
FUZZTIME ?= 4s
PREFIX   ?= /usr/local
TOOL     := go tool -modfile=tools/go.mod

# Go's runtime erases its copies of secrets (decision 0114). A program that was built without it
# works likewise, and copies stay.
# A later Go may not know the name any more.
ifndef GOEXPERIMENT
GOEXPERIMENT := $(shell PATH="$$PATH:/usr/local/go/bin" GOEXPERIMENT=runtimesecret go env GOEXPERIMENT 2>/dev/null)
endif
export GOEXPERIMENT

# sudo's PATH lacks where https://go.dev/doc/install puts it.
export PATH := $(PATH):/usr/local/go/bin
export KEYBROKER_TEST_DESKTOP = $(DESKTOP)

# What the tests work against: the real thing each time. DESKTOP=no leaves out what
# only tests of a desktop need, half of it all; they are listed as NOT RUN.
DESKTOP ?= yes
TEST_PACKAGES = man-db systemd e2fsprogs mount openssh-server openssh-client git rsync procps tmux \
	dbus gnome-keyring libsecret-tools pinentry-curses pinentry-tty \
	$(CARD_PACKAGES) opensc opensc-pkcs11 yubico-piv-tool openssl putty-tools softhsm2 openssh-tests gpg gpg-agent scdaemon \
	python3-paramiko python3-asyncssh ruby-net-ssh curl lftp sshfs dropbear-bin libpam-ssh-agent-auth pssh ansible-core postgresql systemd-journal-remote \
	lintian rpm zsh fish bash-completion
DESKTOP_PACKAGES = xvfb xauth xdotool x11-utils x11-xserver-utils xterm dbus-x11 pinentry-gtk2 pinentry-qt zenity yad \
	sway xwayland grim qtwayland5 \
	xfce4-panel xfwm4 xfce4-settings xfce4-notifyd xclip imagemagick fonts-dejavu-core
# The race detector, and piv-go as a judge, need a C compiler.
BUILD_PACKAGES := gcc libc6-dev libpcsclite-dev pkg-config
# The smartcard service, and a reader for it that a virtual card plugs into.
CARD_PACKAGES := $(BUILD_PACKAGES) libpcsclite1 pcscd vsmartcard-vpcd iproute2
# What makes packages, and what judges them.
PACKAGING_PACKAGES := git rpm msitools wixl lintian cpio
# OpenSSH's own agent tests, and what they work with.
CONFORMANCE_PACKAGES := $(BUILD_PACKAGES) openssh-tests openssh-server openssh-client sudo gdb softhsm2 perl openssl procps
# The Windows parts in wine, on a display of their own.
WINDOWS_PACKAGES = wine wine64 gcc-mingw-w64-x86-64 binutils-mingw-w64-x86-64 \
	xvfb xfwm4 xfce4-panel xfce4-settings dbus dbus-x11 x11-utils xdotool imagemagick fonts-dejavu-core
# What a user needs beside the binaries: ssh itself, the smartcard service, and on a desktop a pinentry for
# where our own window cannot be, and letters for other scripts than ours.
RUN_PACKAGES := openssh-client libpcsclite1 pcscd $(if $(DISPLAY)$(WAYLAND_DISPLAY),pinentry-qt fonts-dejavu-core) \
	$(if $(WAYLAND_DISPLAY),qtwayland5)

.PHONY: run build install uninstall check-go test test-as test-places unit fuzz bench screenshots card conformance packages reproducible windows windows-screenshots windows-putty chaos lint deps install-packages clean

build: bin/keybroker bin/keybroker-desktop bin/keybroker-lifecycle

bin/keybroker: FORCE check-go
	@[ -e bin/keybroker-lifecycle ] || echo '== build: the first one takes minutes'
	@CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $@ ./cmd/keybroker

# keybroker-desktop is what shows something on a desktop; keybroker links nothing that draws.
# On Windows it is no console program: those open a console window.
bin/keybroker-desktop: FORCE check-go
	@CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)$(if $(filter windows,$(GOOS)), -H windowsgui)' -o $@ ./cmd/keybroker-desktop

# keybroker-lifecycle follows keys on other hosts; keybroker links neither SQL nor SFTP.
bin/keybroker-lifecycle: FORCE check-go
	@CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $@ ./cmd/keybroker-lifecycle

# agentconform checks agents of any make; it is no part of the product.
bin/agentconform: FORCE check-go
	@CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/agentconform

FORCE:

check-go:
	@packaging/check-go

# install puts the programs, built before, below PREFIX (as root, or where you may
# write: PREFIX=$HOME/.local). uninstall takes them away.
install:
	@test -x bin/keybroker || { echo 'build it first, as yourself: make build'; exit 1; }
	@packaging/install $(PREFIX)

uninstall:
	@packaging/install $(PREFIX) uninstall

run: PACKAGES = $(RUN_PACKAGES)
run: check-go install-packages build
	@[ -z "$$SUDO_USER" ] || echo "This is a broker for root. For $$SUDO_USER: make run, which asks for sudo where it needs it."
	@exec ./bin/keybroker daemon --welcome

test: check-go deps lint fuzz unit

deps: PACKAGES = $(TEST_PACKAGES) $(if $(filter no,$(DESKTOP)),,-- 'make test DESKTOP=no' $(DESKTOP_PACKAGES))
deps: install-packages

# install-packages installs those of $(PACKAGES) that are missing.
install-packages:
	@packaging/install-packages $(PACKAGES)

lint:
	@echo '== gofmt'; test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	@echo '== go vet (linux, without cgo and without cards too, windows, darwin without cgo)'
	@go vet ./... && CGO_ENABLED=0 go vet ./cmd/... ./piv/... && go vet -tags nopcsc ./cmd/keybroker ./piv/...
	@GOOS=windows go vet ./... && GOOS=windows go build -o /dev/null ./cmd/keybroker && GOOS=windows go build -o /dev/null ./cmd/keybroker-desktop && GOOS=windows go build -o /dev/null ./cmd/keybroker-lifecycle && GOOS=windows go build -o /dev/null ./cmd/agentconform
	@GOOS=darwin CGO_ENABLED=0 go vet ./... && GOOS=darwin CGO_ENABLED=0 go build -o /dev/null ./cmd/keybroker && GOOS=darwin CGO_ENABLED=0 go build -o /dev/null ./cmd/keybroker-desktop && GOOS=darwin CGO_ENABLED=0 go build -o /dev/null ./cmd/keybroker-lifecycle
	@echo '== types (darwin with cgo)'; go run ./packaging/typecheck darwin/arm64 ./cmd/... && go run ./packaging/typecheck darwin/amd64 ./cmd/...
	@echo '== actionlint'; $(TOOL) actionlint -shellcheck= .github/workflows/*.yml
	@echo '== staticcheck'; $(TOOL) staticcheck ./...
	@echo '== govulncheck'; packaging/govulncheck

unit:
	@echo '== go test -race'
	@go run ./packaging/runtests ./...

# test-as runs unit as people type it: root and a plain user, in a terminal, over ssh, with
# none. It needs root, and ten minutes a row: ROWS="plain-ssh root-tmux" picks some.
test-as: check-go deps
	@packaging/test-as $(ROWS)

# test-places runs the scripts that could care for where they are typed: in each place, and
# with and without a runtime directory, a session bus and a display. It takes a minute a row.
PLACES := plain-none plain-none+runtime plain-none+bus plain-none+display plain-ssh plain-ssh+bus+display \
	plain-ssh+runtime+display plain-ssh+runtime+bus plain-tmux+runtime+bus+display alone-tmux root-tmux+runtime+bus+display plain-tty root-ssh+runtime
PLACED := activation|approve|background|forward|keychain|login|no-keychain|policy|prompt|session|systemd|terminal|tray|upstream|wayland|window
test-places: check-go deps
	@packaging/test-as $(or $(ROWS),$(PLACES)) -- go run ./packaging/runtests -race=false -run 'TestScripts$$/^($(PLACED))$$' ./cmd/keybroker

# fips runs the tests of what signs, seals, parses and decides in Go's FIPS 140-3 mode, and built against
# the frozen module of that name (docs/fips.md). Scripts that sign by RSA keys with ssh-add -T, which asks for
# SHA-1, fit no such mode; make test runs the script fips, which turns it on and off.
FIPS_MODULE   ?= v1.0.0
FIPS_PACKAGES  = ./agent ./agent/policy ./agent/audit ./keys/... ./softkeys/... ./piv/... ./sources/... ./wire
FIPS_SCRIPTS   = login|git|certificate|composite|lock|log|policy|sshsig|card-login|destination
.PHONY: fips
fips: check-go deps
	GODEBUG=fips140=on go run ./packaging/runtests -race=false $(FIPS_PACKAGES)
	GOFIPS140=$(FIPS_MODULE) go run ./packaging/runtests -race=false ./agent ./agent/policy ./agent/audit ./keys/... ./softkeys ./sources/... ./wire
	GODEBUG=fips140=on go run ./packaging/runtests -race=false -run 'TestScripts$$/^($(FIPS_SCRIPTS))$$' ./cmd/keybroker

fuzz:
	@packaging/fuzz-all $(FUZZTIME)

# conformance runs OpenSSH's own agent tests on the drop-in (decision 0008): those of
# Debian, and with OPENSSH_SOURCE=DIR those of that source (needs autoconf, libssl-dev, zlib1g-dev).
conformance: PACKAGES = $(CONFORMANCE_PACKAGES)
conformance: install-packages build
	@packaging/conformance bin/keybroker
	@if [ -n "$(OPENSSH_SOURCE)" ]; then OPENSSH_SOURCE="$(OPENSSH_SOURCE)" packaging/conformance bin/keybroker; \
	else echo "NOT RUN: the agent tests of a current OpenSSH: name its source: make conformance OPENSSH_SOURCE=DIR"; fi

# agentconform tries the agents that are installed, keybroker first, and writes what each
# gets wrong to docs/conformance.md. It takes minutes. OTHERS=FILE names more agents:
# TITLE|ADDRESS|COMMAND on each line.
agentconform: PACKAGES = openssh-client gpg-agent gnome-keyring gcr yubikey-agent ssh-agent-filter
agentconform: install-packages build bin/agentconform
	@OTHERS="$(OTHERS)" packaging/agentconform/agents bin/agentconform bin/keybroker docs/conformance.md

# windows tests the Windows parts in wine. It takes minutes, and is no part of test. SHORT=yes runs
# those that find most.
windows: PACKAGES = $(WINDOWS_PACKAGES)
windows: install-packages
	@SHORT=$(SHORT) packaging/windows-tests

# windows-screenshots takes pictures of the dialogs of Windows, as wine draws them.
windows-screenshots: PACKAGES = $(WINDOWS_PACKAGES)
windows-screenshots: install-packages
	@packaging/windows-tests packaging/windows/screenshots docs/images

# packages makes what is released of this commit, in build/packages (docs/packaging.md).
packages: PACKAGES = $(PACKAGING_PACKAGES)
packages: check-go install-packages
	@go run ./packaging/packages -version '$(VERSION)' -commit '$(COMMIT)' build/packages
	@packaging/check-packages build/packages

# reproducible makes the packages of this commit twice, in two new clones of it at other
# paths and with other homes, and compares them; after make packages, once more. It takes minutes.
reproducible: PACKAGES = $(PACKAGING_PACKAGES)
reproducible: check-go install-packages
	@packaging/reproducible

# check-deb tries the .deb in a new minimal Debian: install, a login, an upgrade while sessions
# are open, removal. It writes how long the first login took to docs/packaging.md. SOURCE=yes
# does that from source, too, which takes many minutes more.
.PHONY: check-deb
check-deb: PACKAGES = debootstrap $(PACKAGING_PACKAGES)
check-deb: check-go install-packages
	@packaging/check-deb docs/packaging.md

# windows-putty has PuTTY's plink, built from Debian's source (minutes), log in to a real
# sshd with a key of the broker.
windows-putty: PACKAGES = $(WINDOWS_PACKAGES) cmake dpkg-dev patch openssh-server openssh-client
windows-putty: install-packages
	@packaging/windows/putty build/putty
	@packaging/windows-tests packaging/windows/putty-test build/putty/plink.exe

# card starts virtual cards behind a pcscd of their own, to try things with no hardware.
card: PACKAGES = $(CARD_PACKAGES)
card: install-packages
	@exec go run ./piv/pivtest/cmd/pivcard

# screenshots takes pictures of the prompts and of the report, for the README and for people
# to look at. It also runs the report's tests in a browser (370 MB), which test leaves out.
screenshots: deps
	@packaging/install-packages chromium
	@KEYBROKER_SCREENSHOTS=$(CURDIR)/docs/images go test -count=1 -run '^TestScreenshots$$|^TestInChromium$$' ./confirm/ways ./lifecycle/report

# performance measures on a quiet machine and writes the figures and plots of
# docs/performance.md.
.PHONY: performance
performance: deps build
	@go run ./bench -rounds 19 -write docs/performance.md

bench: deps build
	@go run ./bench
	@go run ./bench/cards
	@go run ./bench/lifecycle

# chaos runs the daemon under load for TIME while what it needs fails; SEED=N repeats the
# faults of an earlier run. It needs root for those of the disk and of cards.
chaos: deps
	@go test ./chaos -count=1 -timeout 0 -v -chaos.clock -chaos.time $(or $(TIME),10m) -chaos.seed $(or $(SEED),0)

# site makes a static site of the pages, and looks for dead links: build/site/index.html.
.PHONY: site
site: check-go
	@go run ./packaging/site . build/site

clean:
	rm -rf bin build
