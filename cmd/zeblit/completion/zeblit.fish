# Completion of zeblit's commands and flags for fish.
function __zeblit_found
    set --local words (commandline --tokenize-expanded --cut-at-cursor --current-process 2>/dev/null; or commandline -opc)
    $words[1] __complete $words[2..-1] (commandline -ct) 2>/dev/null
end
complete --command zeblit --no-files
complete --command zeblit --arguments '(__zeblit_found)'
complete --command zeblit --condition 'not __zeblit_found | string length --quiet' --force-files
