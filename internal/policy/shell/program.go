package shell

import (
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	// clients speak to databases.
	clients = set("psql mysql mariadb sqlite3 sqlcmd cockroach clickhouse-client duckdb mongosh mongo")
	// remote reach the machines that they are told.
	remote = set("nc ncat netcat socat telnet ssh scp sftp ftp lftp ping ping6 traceroute dig nslookup host whois curl wget http https xh aria2c")
	// clouds act on what stands elsewhere.
	clouds = set("aws gcloud az gh glab kubectl helm terraform tofu pulumi ansible ansible-playbook flyctl fly vercel netlify heroku wrangler firebase doctl supabase")
	// ruinous destroy whatever they are told.
	ruinous = set("shred wipefs fdisk sfdisk parted sgdisk mkswap shutdown reboot halt poweroff dropdb dropuser killall5 cryptsetup blkdiscard")
	// lookers change nothing, whatever their arguments are.
	lookers = set("ls cat head tail grep egrep fgrep rg ag wc sort uniq cut tr diff cmp comm file stat du df pwd echo printf true false test [ which type whoami id date uname env printenv basename dirname realpath readlink tree less more nl od xxd hexdump md5sum sha1sum sha256sum jq yq column sleep seq ps pgrep cd pushd popd export set unset return exit wait read :")

	drops    = regexp.MustCompile(`(?i)\b(drop\s+(table|database|schema|index|view|user|role)|truncate\s+(table\s+)?\w|dropdatabase\s*\(|deletemany\s*\(\s*\{\s*\}|flushall|flushdb)`)
	deletes  = regexp.MustCompile(`(?i)\bdelete\s+from\s+[\w."\x60]+\s*(;|$)`)
	ruins    = regexp.MustCompile(`(?i)rmtree\s*\(|rm(dir)?sync\s*\(|\brimraf\b|remove_tree|rm_rf|FileUtils\.rm|removeall\s*\(|rm\s+-\w*[rf]`)
	hidden   = regexp.MustCompile(`(?i)\b(os\.system|os\.popen|subprocess|child_process|popen|system\s*\(|exec\s*\(|eval\s*\(|shell_exec|passthru|` + "`" + `)`)
	speaking = regexp.MustCompile(`(?i)https?://([^\s/'"):]+)|\b(urllib|requests\.|httpx|socket\b|fetch\s*\(|net/http|LWP::|open-uri|http\.get|dns\.)`)
)

// looks says whether a program only looks.
func looks(name string, args []word) bool {
	switch name {
	case "git":
		_, sub, _ := gitCommand(args)
		return set("status log diff show blame grep ls-files ls-tree rev-parse describe shortlog cat-file version help")[sub]
	case "find":
		return !slices.ContainsFunc(args, func(w word) bool {
			return strings.HasPrefix(w.text, "-exec") || strings.HasPrefix(w.text, "-ok") || strings.HasPrefix(w.text, "-fprint") || w.text == "-delete" || w.text == "-fls"
		})
	case "sort", "tree", "yq":
		return !slices.ContainsFunc(args, func(w word) bool {
			return strings.HasPrefix(w.text, "-o") || strings.HasPrefix(w.text, "-i") || strings.HasPrefix(w.text, "--output") || strings.HasPrefix(w.text, "--in-place")
		})
	}
	return lookers[name]
}

// program reads a program that is nothing special to a shell.
func (r *reader) program(name string, args []word, stdin string) {
	first := ""
	if i := slices.IndexFunc(args, func(w word) bool { return !strings.HasPrefix(w.text, "-") }); i >= 0 {
		first = args[i].text
	}
	switch {
	case name == "rm" || name == "rmdir" || name == "unlink" || name == "trash" || name == "del" || name == "rimraf":
		r.remove(name, args)
	case name == "git":
		r.git(args)
	case ruinous[name] || strings.HasPrefix(name, "mkfs"):
		r.destroys(name + " destroys what it is told")
	case name == "dd":
		r.dd(args)
	case name == "chmod" || name == "chown" || name == "chgrp":
		r.everywhere(name, args)
	case name == "mv" || name == "cp" || name == "ln" || name == "install" || name == "rsync":
		r.move(name, args)
	case name == "kill" || name == "pkill" || name == "killall":
		if len(args) > 1 && args[len(args)-1].text == "-1" {
			r.destroys("ends every process")
		}
	case name == "truncate":
		if len(args) > 20 || slices.ContainsFunc(args, func(w word) bool { return strings.ContainsAny(w.text, "*?") }) {
			r.destroys("empties many files")
		}
	case name == "crontab" && slices.ContainsFunc(args, func(w word) bool { return w.text == "-r" }):
		r.destroys("deletes all scheduled commands")
	case name == "openssl" && (first == "s_client" || first == "s_time"):
		r.network("openssl reaches other machines")
	case remote[name]:
		r.reached(name, args)
	case clouds[name]:
		r.network(name + " acts on other machines")
		if slices.ContainsFunc(args, func(w word) bool {
			return set("delete destroy apply rm rb remove terminate merge purge uninstall drop")[strings.TrimLeft(strings.SplitN(w.text, "-", 2)[0], "-")] || strings.HasPrefix(w.text, "delete-")
		}) {
			r.destroys(name + " changes or deletes what stands elsewhere")
		}
	case name == "redis-cli" || clients[name]:
		r.database(name, args, stdin)
	default:
		r.packages(name, first, args)
	}
}

// packages reads those that load and publish packages.
func (r *reader) packages(name, first string, args []word) {
	published := map[string][]string{
		"npm": {"publish", "unpublish", "deprecate"}, "pnpm": {"publish"}, "yarn": {"publish"}, "bun": {"publish"}, "cargo": {"publish", "yank"},
		"twine": {"upload"}, "gem": {"push", "yank"}, "docker": {"push"}, "podman": {"push"}, "poetry": {"publish"}, "uv": {"publish"}, "mvn": {"deploy"}, "goreleaser": {"release"},
	}
	loads := map[string][]string{
		"npm": {"install", "i", "ci", "add", "update", "up", "upgrade", "audit", "exec", "x", "create", "init", "view", "info", "search", "login", "outdated", "install-test", "it"},
		"pip": {"install", "download", "index", "search"}, "pip3": {"install", "download", "index", "search"}, "pipx": {"install", "run", "upgrade"},
		"uv": {"add", "sync", "pip", "tool", "lock", "run"}, "poetry": {"install", "add", "update", "lock"}, "conda": {"install", "create", "update"},
		"go": {"get", "install", "mod"}, "cargo": {"install", "add", "fetch", "update", "search", "login"}, "gem": {"install", "update", "fetch"},
		"bundle": {"install", "update", "add", ""}, "composer": {"install", "require", "update", "create-project"}, "brew": {"install", "update", "upgrade"},
		"apt": {"install", "update", "upgrade"}, "apt-get": {"install", "update", "upgrade"}, "apk": {"add", "update"}, "yum": {"install", "update"}, "dnf": {"install", "update"},
		"docker": {"pull", "login", "run", "build", "compose"}, "podman": {"pull", "login", "run", "build"}, "deno": {"install", "add", "run", "cache"}, "dotnet": {"restore", "add"},
		"playwright": {"install"}, "rustup": {"update", "install", "toolchain", "target"}, "nvm": {"install"}, "gradle": {}, "mvn": {},
	}
	loads["pnpm"], loads["bun"] = loads["npm"], loads["npm"]
	loads["yarn"] = append([]string{""}, loads["npm"]...)
	switch {
	case slices.Contains(published[name], first):
		r.network(name + " " + first + " sends to a registry")
		r.destroys(name + " " + first + " publishes what can't be taken back")
	case name == "go" && first == "mod" && !slices.ContainsFunc(args, func(w word) bool { return w.text == "download" || w.text == "tidy" }):
	case slices.Contains(loads[name], first):
		r.network(strings.TrimSpace(name+" "+first) + " loads from other machines")
	case name == "npx" || name == "bunx" || name == "pnpx" || name == "uvx":
		r.network(name + " loads from other machines")
		i := slices.IndexFunc(args, func(w word) bool { return !strings.HasPrefix(w.text, "-") })
		if i >= 0 {
			r.call(args[i:], "")
		}
	}
}

// code looks through the text of a program.
func (r *reader) code(text string) {
	r.writes = true
	if ruins.MatchString(text) {
		r.destroys("its program text deletes whole folders")
	}
	r.sql(text)
	if hidden.MatchString(text) {
		for _, quoted := range quotations(text) {
			if strings.Contains(quoted, " ") {
				r.line(quoted, "")
			}
		}
	}
	if m := speaking.FindStringSubmatch(text); m != nil && (m[1] == "" || !local(m[1])) {
		r.network("its program text speaks to other machines")
	}
}

var quotation = regexp.MustCompile(`'([^']*)'|"([^"]*)"`)

func quotations(text string) []string {
	var out []string
	for _, m := range quotation.FindAllStringSubmatch(text, 20) {
		out = append(out, m[1]+m[2])
	}
	return out
}

func (r *reader) sql(text string) {
	if drops.MatchString(text) || deletes.MatchString(text) {
		r.destroys("deletes tables, databases or all of their rows")
	}
}

func (r *reader) database(name string, args []word, stdin string) {
	for _, a := range args {
		r.sql(a.text)
		if u, err := url.Parse(a.text); err == nil && u.Host != "" && !local(u.Hostname()) {
			r.network(name + " speaks to " + u.Hostname())
		}
	}
	for i, a := range args {
		if (a.text == "-h" || a.text == "--host") && i+1 < len(args) && !local(args[i+1].text) {
			r.network(name + " speaks to " + args[i+1].text)
		}
	}
	r.sql(stdin)
}

// valued are the flags of curl and wget whose value is not a place to reach.
var valued = set("-X -d -H -o -O- -u -A -e -b -c -F -m -w -D -E -r -y -Y -z -C -t -P --data --data-raw --data-binary --data-urlencode --header --request --output --user --user-agent --form --max-time --write-out --cookie --json --connect-timeout --retry --retry-delay --post-data --method --body-data --output-document")

// reached reads programs that reach other machines: each plain argument may be a name.
func (r *reader) reached(name string, args []word) {
	named := false
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case set("curl wget")[name] && valued[a.text]:
			i++
			continue
		case strings.HasPrefix(a.text, "-"):
			continue
		case a.known && strings.Trim(a.text, "0123456789") == "", // a port
			a.known && set("http https xh")[name] && (strings.Contains(a.text, "=") || a.text == strings.ToUpper(a.text)):
			continue
		}
		host := a.text
		if u, err := url.Parse(host); err == nil && u.Host != "" {
			host = u.Hostname()
		} else {
			host, _, _ = strings.Cut(host, "/")
			if h, _, err := net.SplitHostPort(host); err == nil {
				host = h
			}
		}
		named = true
		if !a.known && !strings.Contains(a.text, "://") || !local(host) {
			r.network(name + " reaches " + host)
		}
	}
	if !named || slices.ContainsFunc(args, func(w word) bool {
		return set("-x --proxy --connect-to --resolve -K --config --socks5 -T --upload-file --next -i --input-file")[w.text] && name != "nc" && w.text != "-i" || name == "wget" && w.text == "-i"
	}) {
		r.network(name + " reaches other machines")
	}
}

func (r *reader) reach(host, why string) {
	if !local(host) {
		r.network(why + " to " + host)
	}
}

func local(host string) bool {
	host = strings.ToLower(strings.Trim(host, "[]"))
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) || host == path.Clean("0")
}
