package tools

import "github.com/zeblit/zeblit/ent/enum"

var scanSecrets = scanTool{"scan_secrets", enum.CheckSecrets}
