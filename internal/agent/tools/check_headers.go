package tools

import "github.com/zeblit/zeblit/ent/enum"

var checkHeaders = scanTool{"check_headers", enum.CheckHeaders}
