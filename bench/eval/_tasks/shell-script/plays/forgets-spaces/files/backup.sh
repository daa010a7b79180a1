[ $# -eq 2 ] || { echo 'usage: sh backup.sh FROM TO' >&2; exit 2; }
[ -d "$1" ] || exit 1
n=0
for file in $(cd "$1" && find . -name '*.txt'); do
	mkdir -p "$2/$(dirname $file)" && cp "$1/$file" "$2/$file" && n=$((n + 1))
done
echo $n
