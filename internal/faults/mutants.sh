#!/usr/bin/env bash
# Shows that the suite sees what it is there for: breaks a copy of the engine in one of
# its ways at a time and runs the short form on it, which must fail for that reason. The
# first three are of runs, the next three of the stream, which the watchers find, and the
# last two of budgets, which have a trial of their own.
#
#	internal/faults/mutants.sh [none|fencing|record|boundary|seam|publish|healing|locks|orphans ...]
#
# ZEBLIT_FAULT_SOURCE names another tree to copy than this one.
set -euo pipefail
cd "$(dirname "$0")/../.."

# edit FILE PERL: changes a file of the copy, and fails where nothing fits any more.
edit() {
	cp "$copy/$1" "$copy/$1.before"
	perl -0pi -e "$2" "$copy/$1"
	if cmp -s "$copy/$1" "$copy/$1.before"; then
		echo "the mutant $mutant no longer fits $1" >&2
		exit 2
	fi
	rm "$copy/$1.before"
}

break_none() { :; } # to see that it is the mutant that is found
break_fencing() { # a worker that was taken over goes on writing
	edit internal/run/lease.go 's/(func \(e \*Engine\) fence\(.*?run\.ID\(l\.run\.ID\)), run\.Epoch\(l\.epoch\), run\.LeaseOwner\(l\.owner\)/$1/s'
	edit internal/run/hold.go 's/ \|\| r\.Epoch != h\.lease\.epoch \|\| r\.LeaseOwner != h\.lease\.owner//'
}
break_record() { # a tool call is recorded after it ran, not before
	edit internal/run/tool.go 's/if !begun \{\n(\t+if err := e\.startCall)/if false {\n$1/'
}
break_boundary() { # an answer and the tool calls that it plans are written in two transactions
	edit internal/run/message.go 's/(closeMessage\(ctx, tx, l, m\.ID, enum\.MessageComplete[^\n]*\n\t\t\treturn err\n\t\t\})\n\t\tfor i, call/$1\n\t\tsplit = m\n\t\treturn nil\n\t})\n\tif err != nil {\n\t\treturn false, err\n\t}\n\tfaults.Point(faults.MessageCompleted)\n\terr = e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {\n\t\tm := split\n\t\tif err := e.fence(ctx, tx, l); err != nil {\n\t\t\treturn err\n\t\t}\n\t\tfor i, call/; s/(func \(e \*Engine\) complete\([^\n]*\n)/$1\tvar split *ent.Message\n/'
}
break_seam() { # whoever is behind the latest events goes on with the first of those
	edit internal/stream/ring.go 's/if after >= r\.last \|\| after < r\.last-int64\(r\.count\) \{/after = max(after, r.last-int64(r.count))\n\tif after >= r.last {/'
}
break_publish() { # events are announced before they are committed
	edit internal/stream/log.go 's/events, err = c\.write\(ctx, tx\)\n\t\treturn err/if events, err = c.write(ctx, tx); err == nil {\n\t\t\t_ = l.carrier.Publish(published, events)\n\t\t}\n\t\treturn err/; s/err := l\.carrier\.Publish\(published, events\); err/err := error(nil); err/'
}
break_healing() { # what the carrier has lost is waited for, and not read from the log
	edit internal/stream/room.go 's/(func \(r \*room\) heal\([^\n]*\n)/$1\treturn\n/'
}
break_locks() { # who reserves doesn't wait for others who do
	edit internal/usage/ledger.go 's/if postgres\(tx\) \{ \/\/ SQLite has one writer/if false {/'
}
break_orphans() { # what a worker that died had reserved is released, and not settled
	edit internal/usage/abandon.go 's/\}, &o\.Amount\)/}, new(int64))/'
}

source=${ZEBLIT_FAULT_SOURCE:-.}
mutants=("$@")
[ ${#mutants[@]} -gt 0 ] || mutants=(fencing record boundary seam publish healing locks orphans)
survived=()
for mutant in "${mutants[@]}"; do
	copy=$(mktemp -d)
	trap 'rm -rf "$copy"' EXIT
	tar c -C "$source" --exclude=./.git --exclude=node_modules --exclude=./.zeblit . | tar x -C "$copy"
	"break_$mutant"
	(cd "$copy" && go build -trimpath -tags faults -o /dev/null ./cmd/zeblit)
	echo "=== $mutant"
	trial='^TestNothingIsLostWhateverDies$'
	case $mutant in locks | orphans) trial='^TestNoBudgetIsOverspent$/^postgres$' ;; esac
	if ZEBLIT_FAULT_SOURCE=$copy go test ./internal/faults -count=1 -v -timeout 15m \
		-run "$trial" >"$copy/log" 2>&1; then
		survived+=("$mutant")
		grep -E 'seed|lost ' "$copy/log" || true
		echo "SURVIVED: $mutant"
	elif grep -q 'WRONG' "$copy/log"; then
		grep -E 'lost [0-9]+|WRONG' "$copy/log" | cut -c1-240 | head -12
		echo "found: $mutant"
	else
		tail -30 "$copy/log"
		echo "the suite itself failed on $mutant" >&2
		exit 2
	fi
	rm -rf "$copy"
done
if [ ${#survived[@]} -gt 0 ]; then
	echo "mutants that survived: ${survived[*]}" >&2
	exit 1
fi
echo "The suite found every mutant."
