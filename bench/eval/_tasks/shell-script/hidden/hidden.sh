set -u
bad() {
	echo "$1"
	exit 1
}
work=$(mktemp -d)
mkdir -p "$work/my notes/deep er"
echo 1 > "$work/my notes/a.txt"
echo 2 > "$work/my notes/deep er/b c.txt"
echo 3 > "$work/my notes/d.md"
printed=$(sh backup.sh "$work/my notes" "$work/to there") || bad "it fails: $printed"
[ "$(echo $printed)" = 2 ] || bad "it prints $printed, not 2"
[ "$(cat "$work/to there/a.txt")" = 1 ] || bad 'a.txt is not there'
[ "$(cat "$work/to there/deep er/b c.txt")" = 2 ] || bad 'a file in a folder below is not there'
[ ! -e "$work/to there/d.md" ] || bad 'd.md was copied'
sh backup.sh > /dev/null 2> "$work/said"
[ $? = 2 ] || bad 'without arguments it does not exit with 2'
[ -s "$work/said" ] || bad 'without arguments it says nothing'
sh backup.sh "$work/none" "$work/x" > /dev/null 2>&1
[ $? = 1 ] || bad 'without the folder it does not exit with 1'
