set -eu
same() {
	if [ "$1" != "$2" ]; then
		printf 'wanted:\n%s\ngot:\n%s\n' "$1" "$2"
		exit 1
	fi
}
printf '[{"text":"old"}]' > notes.json
node notes.js add buy milk --tag shop --tag food
node notes.js add call Ann
node notes.js add sell car --tag shop
same 'old
buy milk #shop #food
call Ann
sell car #shop' "$(node notes.js list)"
same 'buy milk #shop #food
sell car #shop' "$(node notes.js list --tag shop)"
same 'buy milk #shop #food' "$(node notes.js list --tag food)"
same '' "$(node notes.js list --tag none)"
if node notes.js add 2> /dev/null; then
	echo 'add without a text is taken'
	exit 1
fi
grep -q -- --tag README.md
