#!/usr/bin/env bash
# Shows that the tests see what they are there for: breaks a copy of the log and the hub
# in one way at a time and runs their tests on it, which must fail.
#
#	internal/stream/mutants.sh [none|seam|order|gap|hole|heal ...]
#
# Run it through scripts/with-services.sh where there is no PostgreSQL.
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
break_seam() { # a reader goes from the log to the ring without looking whether they meet
	edit internal/stream/ring.go 's/if after >= r\.last \|\| after < r\.last-int64\(r\.count\) \{/after = max(after, r.last-int64(r.count))\n\tif after >= r.last {/'
}
break_order() { # events are published before they are committed
	edit internal/stream/log.go 's/(events, err = c\.write\(ctx, tx\)\n)/$1\t\t_ = l.carrier.Publish(published, events)\n/; s/err := l\.carrier\.Publish\(published, events\); err != nil/err := error(nil); err != nil/'
}
break_gap() { # a number that is missing, or comes after a later one, is taken as fine
	edit internal/stream/room.go 's/case e\.Seq == last\+1:/case e.Seq > last:/'
	# ... by a ring that doesn't fall over them
	edit internal/stream/ring.go 's/package stream\n/package stream\n\nimport "slices"\n/; s/r\.count\+1, /r.count+int(e.Seq-r.last), /;
		s/if at := after \+ 1 - segment\[0\]\.Seq; at >= 0 \{/at := slices.IndexFunc(segment, func(e Event) bool { return e.Seq > after })\n\t\tif at > 0 || at == 0 && (i == 0 || r.segments[i-1][len(r.segments[i-1])-1].Seq <= after) {/'
}
break_hole() { # what the log no longer has is passed over
	edit internal/stream/reads.go 's/if e\.Seq != p\.after\+1\+int64\(i\) \{/if i < 0 {/'
}
break_heal() { # what doesn't come is given up, and nobody reads it from the log
	edit internal/stream/room.go 's/if missing \{\n\t\tr\.heal\(r\.awaited\)/if missing {\n\t\tr.hub.counts.heals.Add(1)/'
}

mutants=("$@")
[ ${#mutants[@]} -gt 0 ] || mutants=(seam order gap hole heal)
survived=()
for mutant in "${mutants[@]}"; do
	copy=$(mktemp -d)
	trap 'rm -rf "$copy"' EXIT
	tar c --exclude=./.git --exclude=node_modules --exclude=./.zeblit . | tar x -C "$copy"
	"break_$mutant"
	(cd "$copy" && go test -c -o /dev/null ./internal/stream)
	echo "=== $mutant"
	if (cd "$copy" && go test ./internal/stream -count=1 -timeout 10m) >"$copy/log" 2>&1; then
		survived+=("$mutant")
		echo "SURVIVED: $mutant"
	elif grep -q -e '--- FAIL' "$copy/log"; then
		grep -E -e '--- FAIL: [A-Z]' -e 'rapid\] failed' "$copy/log" | cut -c1-200 | head -12
		echo "found: $mutant"
	else
		tail -30 "$copy/log"
		echo "the tests themselves failed on $mutant" >&2
		exit 2
	fi
	rm -rf "$copy"
done
if [ ${#survived[@]} -gt 0 ]; then
	echo "mutants that survived: ${survived[*]}" >&2
	exit 1
fi
echo "The tests found every mutant."
