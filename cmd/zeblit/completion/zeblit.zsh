#compdef zeblit
# Completion of zeblit's commands and flags for zsh.
_zeblit() {
    local -a found shown
    local line
    while IFS= read -r line; do
        found+=("${line%%$'\t'*}")
        shown+=("${line/$'\t'/  }")
    done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#found} )); then
        compadd -l -d shown -a -- found
    else
        _files
    fi
}
if [[ ${funcstack[1]} == _zeblit ]]; then
    _zeblit "$@"
else
    compdef _zeblit zeblit
fi
