# Homebrew's formula. In a tap: brew install keybroker/tap/keybroker
class Keybroker < Formula
  desc "SSH agent that asks before a key is used"
  homepage "https://github.com/keybroker/keybroker"
  version "{{.Version}}"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "{{url "darwin" "arm64"}}"
      sha256 "{{sha256 "darwin" "arm64"}}"
    end
    on_intel do
      url "{{url "darwin" "amd64"}}"
      sha256 "{{sha256 "darwin" "amd64"}}"
    end
  end

  on_linux do
    on_arm do
      url "{{url "linux" "arm64"}}"
      sha256 "{{sha256 "linux" "arm64"}}"
    end
    on_intel do
      url "{{url "linux" "amd64"}}"
      sha256 "{{sha256 "linux" "amd64"}}"
    end
  end

  def install
    bin.install Dir["bin/*"]
    man1.install Dir["share/man/man1/*"]
    man5.install Dir["share/man/man5/*"]
    bash_completion.install "share/bash-completion/completions/keybroker"
    zsh_completion.install "share/zsh/site-functions/_keybroker"
    fish_completion.install "share/fish/vendor_completions.d/keybroker.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/keybroker --version")
  end
end
