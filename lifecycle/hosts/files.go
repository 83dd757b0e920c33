package hosts

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/platform"
)

const (
	unixConfig    = "/etc/ssh/sshd_config"
	windowsConfig = "/C:/ProgramData/ssh/sshd_config"

	whatKeys   = "authorized_keys"
	whatConfig = "sshd_config"
)

// saidSo is how a file is known that no configuration names: the server named it when
// it let this login in.
const saidSo = "the server said so"

// Files returns the files from which sshd takes keys for the account, as far as that can
// be known from inside, and what could not be seen. A file that does not exist is neither.
func (h *Host) Files(ctx context.Context) ([]AuthorizedFile, []lifecycle.Unseen, error) {
	defer h.within(ctx)()
	var unseen []lifecycle.Unseen
	missed := func(what, why, remedy string) {
		unseen = append(unseen, lifecycle.Unseen{Host: h.Identity(), Account: h.Account(), What: what, Why: why, Remedy: remedy})
	}
	config := h.serverConfig(missed)
	named := h.named(config, missed)
	whole := len(unseen) == 0
	var files []AuthorizedFile
	for _, one := range named {
		file, err := h.authorizedFile(one)
		said := one.entry == saidSo
		if said && whole { // about the server: the files of the account are known as well as before
			unseen = append(unseen, lifecycle.Unseen{Host: h.Identity(), What: whatConfig, Why: "sshd runs with another one, which may name more files: " + one.path + " let this login in, and " + h.configPath() + " does not name it",
				Remedy: "look as root, on the server, how sshd was started: ps -C sshd -o args"})
		}
		switch {
		case said && isProgram(file.Data):
			missed(whatKeys, "AuthorizedKeysCommand: the server let this login in by what the program "+one.path+" prints", "change the keys where that program takes them from")
		case errors.Is(err, fs.ErrNotExist):
		case err != nil && h.explain(ctx, "", "", err) != nil && KindOf(h.explain(ctx, "", "", err)) != "":
			return nil, nil, h.explain(ctx, "read", one.path, err)
		case err != nil:
			missed(whatKeys, one.path+": "+platform.Text(err), "")
		default:
			files = append(files, file)
		}
	}
	return files, unseen, nil
}

// isProgram tells AuthorizedKeysCommand, which sshd names in the place of a file, from a
// file of keys: the kernel runs nothing that begins otherwise.
func isProgram(data []byte) bool {
	return bytes.HasPrefix(data, []byte("#!")) || bytes.HasPrefix(data, []byte("\x7fELF"))
}

// namedFile is a path, and the entry that names it.
type namedFile struct{ path, entry string }

// named lists the paths that the configuration names, the files of a glob among them.
func (h *Host) named(config ServerConfig, missed func(what, why, remedy string)) []namedFile {
	var list []namedFile
	add := func(path, entry string) {
		if !slices.ContainsFunc(list, func(one namedFile) bool { return one.path == path }) {
			list = append(list, namedFile{path, entry})
		}
	}
	account := h.account()
	for _, entry := range config.Files {
		full, ok := account.expand(entry)
		switch {
		case !ok:
			missed(whatKeys, "AuthorizedKeysFile "+entry+": not everything that it stands for is known", "")
		case isGlob(entry) && h.Version().AtLeast(10, 0):
			for _, path := range h.glob(full, missed) {
				add(path, entry)
			}
		default:
			add(full, entry)
		}
	}
	if by := h.LetInBy(); by != "" {
		if at := strings.LastIndexByte(by, ':'); path.IsAbs(by) {
			add(path.Clean(by[:at]), saidSo)
		}
	}
	return list
}

// glob lists the files that a pattern matches, with patterns in every part of the path.
func (h *Host) glob(pattern string, missed func(what, why, remedy string)) []string {
	paths := []string{"/"}
	for part := range strings.SplitSeq(strings.TrimPrefix(pattern, "/"), "/") {
		var next []string
		for _, dir := range paths {
			if !isGlob(part) {
				next = append(next, path.Join(dir, part))
				continue
			}
			entries, err := h.files.ReadDir(dir)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				missed(whatKeys, "the directory "+dir+" cannot be listed: "+platform.Text(err), "")
			}
			for _, entry := range entries {
				if matchesName(part, entry.Name()) {
					next = append(next, path.Join(dir, entry.Name()))
				}
			}
		}
		slices.Sort(next)
		paths = next
	}
	return paths
}

// account looks the account up where it can. The directory of the login is the home
// directory, but for a server that was told otherwise (internal-sftp -d).
func (h *Host) account() account {
	a := account{name: h.Account(), home: h.home, uid: -1}
	if info, err := h.files.Stat(h.home); err == nil {
		a.uid = uidOf(info)
	}
	file, err := h.files.Open("/etc/passwd")
	if err != nil {
		return a
	}
	defer file.Close()
	_, data, err := readAll(file)
	if err != nil {
		return a
	}
	for line := range strings.Lines(string(data)) {
		if parts := strings.Split(strings.TrimRight(line, "\n"), ":"); len(parts) == 7 && parts[0] == a.name {
			if uid, err := strconv.Atoi(parts[2]); err == nil {
				return account{name: a.name, home: parts[5], uid: uid}
			}
		}
	}
	return a
}

// serverConfig reads the server's configuration, or says that it cannot.
func (h *Host) serverConfig(missed func(what, why, remedy string)) ServerConfig {
	where := h.configPath()
	text, err := h.text(where)
	if err != nil {
		why := where + " cannot be read, so the usual files are looked at alone: " + platform.Text(err)
		if h.isChrooted() {
			why = "the account sees a part of the server alone (ChrootDirectory): its files may not be those that sshd reads"
		}
		missed(whatConfig, why, "look as root, on the server: sshd -T -C user="+h.Account())
		return ServerConfig{Files: defaultFiles}
	}
	config := newServerConfig(h.Account(), h.included)
	config.read(text, yes, false)
	result := config.result()
	if config.unread {
		missed(whatConfig, "a file that "+where+" includes cannot be read", "look as root, on the server: sshd -T -C user="+h.Account())
	}
	if len(result.Uncertain) > 0 {
		missed(whatConfig, "it depends on what cannot be known from here, so every possible file was read: "+strings.Join(result.Uncertain, "; "), "")
	}
	if result.Command {
		missed(whatKeys, "AuthorizedKeysCommand: a program on the server names more keys", "see what it prints, on the server: sshd -T -C user="+h.Account()+" | grep -i authorizedkeyscommand")
	}
	if result.Authorities {
		missed(whatKeys, "TrustedUserCAKeys: certificates of an authority let in, too", "")
	}
	return result
}

func (h *Host) configPath() string {
	switch {
	case h.dialer.SSHDConfig != "":
		return h.dialer.SSHDConfig
	case strings.Contains(h.banner, "for_Windows"):
		return windowsConfig
	}
	return unixConfig
}

// isChrooted looks for what every system has at its root.
func (h *Host) isChrooted() bool {
	for _, name := range []string{"/etc/passwd", "/C:/Windows"} {
		if _, err := h.files.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}

// included returns the texts of the files that an Include names, in sshd's order.
func (h *Host) included(pattern string) ([]string, bool) {
	if !path.IsAbs(pattern) {
		pattern = path.Join(path.Dir(unixConfig), pattern)
	}
	readable := true
	paths := h.glob(pattern, func(string, string, string) { readable = false })
	slices.Sort(paths)
	var texts []string
	for _, path := range paths {
		text, err := h.text(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			readable = false
		}
		texts = append(texts, text)
	}
	return texts, readable
}

func (h *Host) text(path string) (string, error) {
	file, err := h.files.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	_, data, err := readAll(file)
	return string(data), err
}

// authorizedFile reads one file, and where it really is.
func (h *Host) authorizedFile(named namedFile) (AuthorizedFile, error) {
	result := AuthorizedFile{Path: named.path, Named: named.entry, Target: named.path}
	if target, err := h.files.RealPath(named.path); err == nil {
		result.Target = target
	}
	result.Link = result.Target != result.Path
	file, err := h.files.Open(result.Path)
	if err != nil {
		return result, err
	}
	defer file.Close()
	info, data, err := readAll(file)
	if err != nil {
		return result, err
	}
	result.Data, result.SHA256 = data, sum(data)
	result.Mode, result.Modified = info.Mode().Perm(), info.ModTime()
	result.UID, result.GID = owners(info)
	return result, nil
}

// Parsed is the lines of the file.
func (f AuthorizedFile) Parsed() *authorized.File { return authorized.Parse(f.Data) }
