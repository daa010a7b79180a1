if [ $# -ne 2 ]; then
	echo 'usage: sh backup.sh FROM TO' >&2
	exit 2
fi
[ -d "$1" ] || exit 1
mkdir -p "$2" || exit 1
to=$(cd "$2" && pwd) || exit 1
cd "$1" || exit 1
find . -type f -name '*.txt' -exec sh -c '
	for file; do
		mkdir -p "$0/$(dirname "$file")" && cp "$file" "$0/$file" && echo "$file"
	done' "$to" {} + | wc -l
