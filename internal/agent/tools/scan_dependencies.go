package tools

import "github.com/zeblit/zeblit/ent/enum"

var scanDependencies = scanTool{"scan_dependencies", enum.CheckDependencies}
